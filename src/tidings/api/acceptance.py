"""Is a configuration acceptable, and what follows from it? Asked before an instance is written, by every route.

Refusals change nothing: rules first, then the provider is asked, then the store is written once.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

from tidings.api.authorization import own_instance
from tidings.api.call import InstanceCall
from tidings.api.instance_view import configuration_of
from tidings.api.parts import ApiParts
from tidings.api.poll_address import refuse_long
from tidings.core.cursor import decode
from tidings.core.errors import AddressForbidden, InvalidInput, LeaseLost, ProviderDown
from tidings.core.hints import refuse_hints
from tidings.core.instanceconfig import FIELD, Configuration, completed
from tidings.core.instancerules import CALLBACK_URL, check, refuse_future
from tidings.core.model import Instance, LaneKind, LanePlan
from tidings.core.plan import plan
from tidings.elements.clone import cloned
from tidings.elements.element import Element

SHARED = ("event.", "filter.")  # the keys that every element has
TRIES = 50  # of one change: each one that fails means that somebody else's has succeeded


def element_of(parts: ApiParts, instance: Instance) -> Element:
    """The element of an instance; InvalidInput when this server no longer has it."""
    element = parts.catalog.get(instance.element_key)
    if element is None:
        raise InvalidInput("element.key", f"{instance.element_key!r} is not in this server's catalog any more")
    return cloned(element, instance.clone)


async def accept(
    parts: ApiParts, element: Element, configuration: Configuration, *, good: Sequence[Configuration], disabled: bool
) -> LanePlan:
    """The lanes that follow from an acceptable configuration.

    Raises InvalidInput naming the key, or the ProviderError of trying the credentials; they are tried when one of the
    element's own keys is not as in a configuration that is known to be `good`.
    """
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
    account = _account(configuration, element)
    if all(_account(known, element) != account for known in good):
        await _try_account(parts, element, configuration)
    return plan(configuration, element, disabled=disabled)


async def change(call: InstanceCall, instance: Instance, alter: Callable[[Instance], Instance]) -> Instance:
    """Alter the instance and write it; when somebody else was faster, alter what they wrote."""
    good: list[Configuration] = []
    for _ in range(TRIES):
        altered = alter(instance)
        await _refuse_other_account(call.parts, instance, altered)
        good.append(configuration_of(instance))
        lanes = await accept(
            call.parts,
            element_of(call.parts, instance),
            configuration_of(altered),
            good=good,
            disabled=altered.disabled,
        )
        try:
            written = await call.parts.store.update_instance(altered, lanes, call.parts.clock())
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


async def _try_account(parts: ApiParts, element: Element, configuration: Configuration) -> None:
    root = FIELD + element.api.root
    try:
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
    """What names the account at the provider: the element's own keys, not those about events and filtering."""
    return {key.key: configuration.get(key.key) for key in element.configuration if not key.key.startswith(SHARED)}


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
