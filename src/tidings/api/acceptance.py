"""Is a configuration acceptable, and what follows from it? Asked before an instance is written, by every route.

Refusals change nothing: rules first, then the provider is asked, then the store is written once.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tidings.api.authorization import own_instance
from tidings.api.call import InstanceCall
from tidings.api.instance_view import configuration_of
from tidings.api.parts import Account, ApiParts
from tidings.api.poll_address import refuse_long
from tidings.core.cursor import decode
from tidings.core.errors import AddressForbidden, InvalidInput, LeaseLost, ProviderDown
from tidings.core.hints import refuse_hints
from tidings.core.instanceconfig import FIELD, Configuration, completed
from tidings.core.instancerules import CALLBACK_URL, check, refuse_future
from tidings.core.model import Grant, Instance, LaneKind, LanePlan
from tidings.core.oauth import TOKEN, without_grant
from tidings.core.plan import plan
from tidings.elements.clone import cloned
from tidings.elements.element import Element
from tidings.store.oauth import NewGrant

SHARED = ("event.", "filter.")  # the keys that every element has
OAUTH = "oauth."  # the keys of an application and of its grant
TRIES = 50  # of one change: each one that fails means that somebody else's has succeeded


@dataclass(frozen=True, slots=True)
class Granted:
    """What an account's owner has just allowed. `proven` says that it needs no trial: a trial that fails would lose a
    refresh token that the user has brought along and cannot get again."""

    new: NewGrant
    proven: bool = False

    def given_to(self, instance: Instance) -> Instance:
        """The instance as it will be."""
        serial = 0 if instance.grant is None else instance.grant.serial
        return replace(instance, grant=Grant(self.new.tokens, serial + 1, self.new.external))


def element_of(parts: ApiParts, instance: Instance) -> Element:
    """The element of an instance; InvalidInput when this server no longer has it."""
    element = parts.catalog.get(instance.element_key)
    if element is None:
        raise InvalidInput("element.key", f"{instance.element_key!r} is not in this server's catalog any more")
    return cloned(element, instance.clone)


async def accept(
    parts: ApiParts,
    element: Element,
    configuration: Configuration,
    *,
    good: Sequence[Configuration],
    disabled: bool,
    instance: Instance | None = None,
) -> LanePlan:
    """The lanes that follow from an acceptable configuration.

    Raises InvalidInput naming the key, or the ProviderError of trying the credentials; they are tried when one of the
    element's own keys is not as in a configuration that is known to be `good`. The token of an `instance` is renewed
    for the trial where it must be; a token that has just been given is in the configuration.
    """
    await refuse_wrong(parts, element, configuration, good)
    account = _account(configuration, element)
    if all(_account(known, element) != account for known in good):
        await _try_account(parts, element, configuration, instance)
    return plan(configuration, element, disabled=disabled)


async def refuse_wrong(
    parts: ApiParts, element: Element, configuration: Configuration, good: Sequence[Configuration]
) -> None:
    """Raises InvalidInput naming the key of a configuration that cannot be, whatever the provider says."""
    if configuration not in good:
        check(
            configuration,
            element,
            root=element.api.root,
            floor=parts.settings.interval_floor,
            refuse_url=parts.policy.check_url,
        )
        refuse_long(configuration, element)
        refuse_future(configuration, element, parts.clock())
        refuse_hints(
            completed(configuration, element.configuration),
            possible=element.hints is not None,
            public_url=parts.settings.public_url,
        )
        await _refuse_receiver(parts, element, configuration, good)


async def change(
    call: InstanceCall, instance: Instance, alter: Callable[[Instance], Instance], granted: Granted | None = None
) -> Instance:
    """Alter the instance and write it, with a grant where there is a new one; when somebody else was faster, alter what
    they wrote."""
    good: list[Configuration] = []
    for _ in range(TRIES):
        altered = alter(instance)
        if granted is not None:
            altered = granted.given_to(altered)
            good += [configuration_of(altered)] if granted.proven else []
        await _refuse_other_account(call.parts, instance, altered)
        good.append(configuration_of(instance))
        lanes = await accept(
            call.parts,
            element_of(call.parts, instance),
            configuration_of(altered),
            good=good,
            disabled=altered.disabled,
            instance=altered if granted is None else None,
        )
        own = without_grant(Configuration(altered.configuration, altered.secrets))
        altered = replace(altered, configuration=own.values, secrets=own.secrets)
        new = None if granted is None else granted.new
        try:
            written = await call.parts.store.update_instance(altered, lanes, call.parts.clock(), new)
        except LeaseLost:
            # What the provider has taken once is not tried again because of a neighbour's change.
            good.append(configuration_of(altered))
            instance = await own_instance(call.parts, call.user, instance.id)
            continue
        call.parts.wake(written.id)
        return written
    raise LeaseLost(f"instance {instance.id} keeps being changed by others")


async def _refuse_other_account(parts: ApiParts, instance: Instance, altered: Instance) -> None:
    """What has been read of one account would be announced as edited, or deleted, by what is read of another."""
    element = element_of(parts, instance)
    before, after = (completed(configuration_of(each), element.configuration) for each in (instance, altered))
    for key in element.account_keys:
        if _folded(before[key]) == _folded(after[key]):
            continue
        if any(decode(lane.cursor).serial for lane in await parts.store.lanes(LaneKind.POLL, instance.id)):
            raise InvalidInput(
                FIELD + key,
                "names another account than the one that has been polled, whose records would be taken for those of "
                "the other; make another instance for it",
            )


def _folded(value: str | None) -> str:
    return (value or "").strip().casefold()


async def _refuse_receiver(
    parts: ApiParts, element: Element, configuration: Configuration, good: Sequence[Configuration]
) -> None:
    """A callback address that is new is looked up, so that its author hears at once where it must not lead."""
    url, *known = (completed(each, element.configuration).get(CALLBACK_URL) for each in (configuration, *good))
    if url and url not in known and (reason := await parts.refuse_name(url)) is not None:
        raise InvalidInput(FIELD + CALLBACK_URL, reason)


def account_of(parts: ApiParts, element: Element, instance: Instance) -> Account:
    """The account of an instance, as it is configured; raises InvalidInput naming the key it cannot be asked with."""
    if element.authentication.oauth is not None:
        return parts.account(element, instance)
    return parts.connect(element, instance.configuration, instance.secrets)


async def _try_account(
    parts: ApiParts, element: Element, configuration: Configuration, instance: Instance | None
) -> None:
    root = FIELD + element.api.root
    try:
        if instance is not None:
            await account_of(parts, element, instance).check()
        else:
            await parts.connect(element, configuration.values, configuration.secrets).check()
    except InvalidInput as error:
        raise InvalidInput(FIELD + error.field, error.message) from None
    except AddressForbidden as error:
        raise InvalidInput(root, str(error)) from None
    except ProviderDown as error:
        # A name that does not resolve was mistyped; the provider has nothing to do with it.
        if _is_unresolved(error):
            raise InvalidInput(root, f"{error}; check the host") from None
        raise


def _account(configuration: Configuration, element: Element) -> dict[str, str | None]:
    """What names the account at the provider: the element's own keys, not those about events and filtering, and the
    token where it has one. Of the application a token says nothing: it is tried when the next one is asked for."""
    left = (*SHARED, OAUTH)
    return {
        key.key: configuration.get(key.key)
        for key in element.configuration
        if key.key == TOKEN or not key.key.startswith(left)
    }


def _is_unresolved(error: BaseException) -> bool:
    # Chains of causes may be circular: an error that is re-raised from one that it caused.
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        if isinstance(cause, socket.gaierror):
            return True
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__
    return False
