"""Is a configuration acceptable, and what follows from it? Asked before an instance is written, by every route.

Refusals change nothing: rules first, then the provider is asked, then the store is written once.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from tidings.api.authorization import own_instance
from tidings.api.call import InstanceCall
from tidings.api.instance_view import configuration_of
from tidings.api.parts import ApiParts
from tidings.core.errors import AddressForbidden, InvalidInput, LeaseLost, ProviderDown
from tidings.core.instanceconfig import FIELD, Configuration
from tidings.core.instancerules import check
from tidings.core.model import Instance, LanePlan
from tidings.core.plan import plan
from tidings.elements.element import Element

SHARED = ("event.", "filter.")  # the keys that every element has
TRIES = 3


def element_of(parts: ApiParts, instance: Instance) -> Element:
    """The element of an instance; InvalidInput when this server no longer has it."""
    element = parts.catalog.get(instance.element_key)
    if element is None:
        raise InvalidInput("element.key", f"{instance.element_key!r} is not in this server's catalog any more")
    return element


async def accept(
    parts: ApiParts, element: Element, configuration: Configuration, *, before: Configuration | None, disabled: bool
) -> LanePlan:
    """The lanes that follow from an acceptable configuration.

    Raises InvalidInput naming the key, or the ProviderError of trying the credentials; they are tried when there was
    no configuration before or when one of the element's own keys differs.
    """
    if configuration != before:
        check(
            configuration,
            element,
            root=element.api.root,
            floor=parts.settings.interval_floor,
            refuse_url=parts.policy.check_url,
        )
    if before is None or _account(before, element) != _account(configuration, element):
        await _try_account(parts, element, configuration)
    return plan(configuration, element, disabled=disabled)


async def change(call: InstanceCall, instance: Instance, alter: Callable[[Instance], Instance]) -> Instance:
    """Alter the instance and write it; when somebody else was faster, alter what they wrote."""
    for _ in range(TRIES):
        altered = alter(instance)
        lanes = await accept(
            call.parts,
            element_of(call.parts, instance),
            configuration_of(altered),
            before=configuration_of(instance),
            disabled=altered.disabled,
        )
        try:
            written = await call.parts.store.update_instance(altered, lanes, call.parts.clock())
        except LeaseLost:
            instance = await own_instance(call.parts, call.user, instance.id)
            continue
        call.parts.wake(written.id)
        return written
    raise LeaseLost(f"instance {instance.id} keeps being changed by others")


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
