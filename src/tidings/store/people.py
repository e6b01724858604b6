"""What a store promises about organizations, their accounts, users, and who has logged in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tidings.core.model import Moment, User
from tidings.core.passwordpolicy import PasswordPolicy
from tidings.core.people import Account, Organization

PASSWORDS_KEPT = 10


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What the API knows of an account before the store gives it an id."""

    organization_id: int
    name: str
    description: str
    external_id: str


@dataclass(frozen=True, slots=True)
class NewUser:
    """What the API knows of a user before the store gives them an id."""

    account_id: int
    email: str
    first_name: str
    last_name: str
    roles: tuple[str, ...]
    password_hash: str = field(repr=False)
    secret: str = field(repr=False)


class PeopleStore(Protocol):
    """The part of the store that knows who may call."""

    async def first_user(self, make: Callable[[], User]) -> tuple[User, bool]:
        """The first user; made as `add_organization` does of what `make` gives, when there is none.

        The second value tells whether it was made now.
        """

    async def add_organization(self, first: User) -> User:
        """An organization with its default account and its first user, who may do all that can be granted.

        Ids, states and roles of `first` are ignored. Raises Taken for an email that somebody has.
        """

    async def organization(self, organization_id: int) -> Organization | None: ...

    async def set_password_policy(self, organization_id: int, policy: PasswordPolicy) -> None:
        """From now on; passwords that there are stay."""

    async def set_organization_secret(self, organization_id: int, secret: str) -> None:
        """The one before is refused from now on."""

    # Accounts

    async def account(self, account_id: int) -> Account | None: ...

    async def accounts(self, organization_id: int) -> Sequence[Account]:
        """All of an organization, by id; those that are not active too."""

    async def create_account(self, new: NewAccount, now: Moment) -> Account:
        """Raises Taken when its organization has one of that external id."""

    async def update_account(self, account: Account, now: Moment, *, without_users: bool = False) -> Account | None:
        """Write name, description, external id and state, and remove its users if asked to. None: unknown.

        When it is not active, its instances poll nothing more until a person changes them; they are kept. Raises Taken
        as `create_account` does.
        """

    # Users

    async def user(self, user_id: int) -> User | None: ...

    async def user_by_email(self, email: str) -> User | None:
        """Without regard to the case of letters."""

    async def user_by_secret(self, secret: str) -> User | None:
        """Looked up by a keyed hash; never by comparing secrets in clear."""

    async def users(self, organization_id: int, account_id: int | None = None) -> Sequence[User]:
        """Those of an organization, or of one of its accounts, by id."""

    async def create_user(self, new: NewUser, now: Moment) -> User:
        """Raises Taken for an email that somebody has, and LookupError when there is no such account."""

    async def update_user(self, user: User, now: Moment) -> User | None:
        """Write email, names and state. None: unknown. Raises Taken for an email that somebody else has.

        When the user is not active their sessions end, and their instances poll nothing more until a person changes
        them; they are kept.
        """

    async def delete_user(self, user_id: int) -> bool:
        """Remove them with all that is known of them; their instances are kept and poll nothing more.

        Their id is never given to another. False: unknown.
        """

    async def set_password(self, user_id: int, password_hash: str, now: Moment) -> None:
        """The one before becomes a former one, and the user's sessions end."""

    async def password_hashes(self, user_id: int, limit: int) -> Sequence[str]:
        """That of the password in use, then those of former ones, newest first: `limit` at the most.

        Of former ones the last PASSWORDS_KEPT are kept.
        """

    # Roles

    async def grant(self, role: str, *, user_id: int | None = None, account_id: int | None = None) -> bool:
        """Give a user, or all users of an account, a role. False: they have it."""

    async def revoke(self, role: str, *, user_id: int | None = None, account_id: int | None = None) -> bool:
        """Take it. False: they have not got it; a user may still have it by their account."""

    # Sessions

    async def open_session(self, token: str, user_id: int, now: Moment, until: Moment) -> None:
        """Remember a bearer token's hash until `until`, and that the user has logged in."""

    async def user_by_session(self, token: str, now: Moment) -> User | None: ...
