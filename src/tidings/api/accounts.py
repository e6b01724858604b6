"""The accounts of an organization: made, listed, changed, taken out of use and brought back (spec platform.md 5.6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import Body, Path, Query
from starlette.responses import Response

from tidings.api.answers import answer, day, listing
from tidings.api.authorization import GREATEST_ID
from tidings.api.call import UserCall, UserCallIn
from tidings.api.documented import TOTAL, WARNING, answers
from tidings.api.instances import remove
from tidings.api.problems import Refused
from tidings.api.schemas import people as shapes
from tidings.api.schemas.shape import Nothing
from tidings.api.schemas.written import ACCOUNT
from tidings.core.ceql import CeqlError, parse
from tidings.core.ceqlmatch import matches
from tidings.core.errors import InvalidInput
from tidings.core.people import Account, AccountWritten, account_written, looks_after_all, sees
from tidings.store.people import NewAccount

LARGEST_PAGE = 200

AccountId = Annotated[str, Path(description="The id of an account that the caller may know of.")]
AccountBody = Annotated[
    dict[str, Any],
    Body(
        description="`externalId`, `name` and `description`; of an account that is there, `active`.",
        json_schema_extra=ACCOUNT,
    ),
]
Permanent = Annotated[bool, Query(description="true: delete the instances too, for good.")]
Where = Annotated[str | None, Query(description="A CEQL condition on the accounts' own members: externalId='x'.")]
Offset = Annotated[int, Query(ge=0, le=GREATEST_ID, description="How many to leave out.")]
PageSize = Annotated[int, Query(alias="pageSize", ge=1, description=f"At most {LARGEST_PAGE}.")]


@answers(shapes.Account, 409)
async def create(call: UserCallIn, body: AccountBody) -> Response:
    """Make an account in the caller's organization, for a client, say; 409 when its `externalId` is there already."""
    written = account_written(body)
    if written.external_id is None:
        raise InvalidInput("externalId", "is missing; write what you call this account")
    new = NewAccount(
        call.user.organization_id,
        written.name or written.external_id,
        written.description or "",
        written.external_id,
    )
    return answer(shown(await call.parts.store.create_account(new, call.parts.clock())))


@answers(list[shapes.Account], headers=(TOTAL, WARNING))
async def list_all(
    call: UserCallIn, where: Where = None, offset: Offset = 0, page_size: PageSize = LARGEST_PAGE
) -> Response:
    """The accounts that the caller may know of, by id, those that are not active too; none is an empty list.

    Who looks after the organization knows of all of its accounts, anybody else of their own.
    """
    return await _list(call, where, offset, page_size)


@answers(list[shapes.Account], 404, headers=(TOTAL, WARNING))
async def list_of_organization(
    call: UserCallIn,
    organization: Annotated[str, Path(description="The id of the caller's organization.")],
    where: Where = None,
    offset: Offset = 0,
    page_size: PageSize = LARGEST_PAGE,
) -> Response:
    """The same, by the organization's id; 404 for any other."""
    _own(call, organization)
    return await _list(call, where, offset, page_size)


@answers(shapes.Account, 404)
async def read(call: UserCallIn, account: AccountId) -> Response:
    """One account."""
    return answer(shown(await find(call, account)))


@answers(shapes.Account, 404)
async def read_of_organization(
    call: UserCallIn,
    organization: Annotated[str, Path(description="The id of the caller's organization.")],
    account: AccountId,
) -> Response:
    """One account, by the organization's id and its own."""
    _own(call, organization)
    return await read(call, account)


@answers(shapes.Account, 404, 409)
async def put(call: UserCallIn, account: AccountId, body: AccountBody, permanent: Permanent = False) -> Response:
    """Write the account anew: without a name it is called by its `externalId`. `active` as for PATCH."""
    written = account_written(body)
    if written.external_id is None:
        raise InvalidInput("externalId", "is missing; write what you call this account")
    whole = replace(written, name=written.name or written.external_id, description=written.description or "")
    return await _change(call, await find(call, account), whole, permanent=permanent)


@answers(shapes.Account, 404, 409)
async def patch(call: UserCallIn, account: AccountId, body: AccountBody, permanent: Permanent = False) -> Response:
    """Change what is given. `"active": false` ends all calls of its users and its polling, which does not begin again
    by itself; instances are kept unless `permanent`."""
    return await _change(call, await find(call, account), account_written(body), permanent=permanent)


@answers(Nothing, 404)
async def delete(call: UserCallIn, account: AccountId, permanent: Permanent = False) -> Response:
    """Take an account out of use and remove its users; PATCH `"active": true` brings it back, without them. Its
    instances poll nothing more and are kept, unless `permanent`."""
    found = await find(call, account)
    _refuse_needed(call, found)
    await call.parts.store.update_account(replace(found, active=False), call.parts.clock(), without_users=True)
    if permanent:
        await _remove_instances(call, found)
    return answer({})


async def find(call: UserCall, account_id: str) -> Account:
    """An account that the caller may know of; raises Refused (404) for any other."""
    found = await known(call, account_id)
    if found is None or not sees(call.user, found):
        raise Refused(404, f"No account found with ID {account_id}")
    return found


async def known(call: UserCall, account_id: str) -> Account | None:
    """The account of this id, whosever it is."""
    number = id_of(account_id)
    return None if number is None else await call.parts.store.account(number)


def id_of(text: str) -> int | None:
    """The id that a path names; None for what can be none."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > GREATEST_ID:
        return None
    return int(text)


def shown(account: Account) -> dict[str, object]:
    """One account as the API answers it."""
    return {
        "id": account.id,
        "name": account.name,
        "description": account.description,
        "active": account.active,
        "companyId": account.organization_id,
        "createdDate": day(account.created_at),
        "updatedDate": day(account.updated_at),
        "externalId": account.external_id,
        "defaultAccount": account.is_default,
        "type": "manual",
    }


async def _list(call: UserCall, where: str | None, offset: int, page_size: int) -> Response:
    accounts = await call.parts.store.accounts(call.user.organization_id)
    found = [shown(each) for each in accounts if sees(call.user, each)]
    if where is not None:
        try:
            condition = parse(where)
        except CeqlError as error:
            raise InvalidInput("where", str(error)) from None
        found = [each for each in found if matches(condition, each, {})]
    response = listing(found[offset : offset + min(page_size, LARGEST_PAGE)])
    response.headers["Elements-Total-Count"] = str(len(found))
    if page_size > LARGEST_PAGE:
        response.headers["Elements-Error"] = f"pageSize is at most {LARGEST_PAGE}; the result was cut to it"
    return response


async def _change(call: UserCall, account: Account, written: AccountWritten, *, permanent: bool) -> Response:
    active = account.active if written.active is None else written.active
    if not active:
        _refuse_needed(call, account)
    elif not account.active and not looks_after_all(call.user):
        raise Refused(403, "An account is brought back by an administrator of its organization")
    changed = replace(
        account,
        name=account.name if written.name is None else written.name,
        description=account.description if written.description is None else written.description,
        external_id=account.external_id if written.external_id is None else written.external_id,
        active=active,
    )
    made = await call.parts.store.update_account(changed, call.parts.clock())
    if made is None:
        raise Refused(404, f"No account found with ID {account.id}")
    if permanent and not active:
        await _remove_instances(call, account)
    return answer(shown(made))


def _refuse_needed(call: UserCall, account: Account) -> None:
    """An organization keeps the account from which it is looked after, and nobody shuts themselves out."""
    if account.is_default:
        raise Refused(403, f"Account {account.id} is the organization's default account, which stays active")
    if account.id == call.user.account_id:
        raise Refused(403, "An account is not taken out of use by its own users")


async def _remove_instances(call: UserCall, account: Account) -> None:
    for instance in await call.parts.store.instances(account.id):
        await remove(call.parts, instance)


def _own(call: UserCall, organization: str) -> None:
    if id_of(organization) != call.user.organization_id:
        raise Refused(404, f"No organization found with ID {organization}")
