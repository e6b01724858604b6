"""Is the address of every poll short enough for the provider?

Asked when a configuration is written, so that a condition that is too long is refused by name instead of failing each
poll.
"""

from __future__ import annotations

from collections.abc import Mapping

from whenever import Instant

from tidings.core.ceql import parse
from tidings.core.conditions import translate
from tidings.core.errors import InvalidInput
from tidings.core.instanceconfig import FIELD, Configuration, completed
from tidings.core.instancerules import polled
from tidings.core.pollerconfig import PolledResource
from tidings.elements.connection import PAGING
from tidings.elements.element import Element, Resource
from tidings.elements.http import URL_LIMIT, base_url, url_of
from tidings.elements.pages import Paging, ask

# Any moment does: rendered macros differ in digits only.
_SAMPLE = Instant.from_utc(2026, 1, 2, 3, 4, 5)
#: A page far into a list, by either way of paging.
_FAR: Mapping[Paging, str] = {Paging.FORWARD_ONLY: "2147483647", Paging.PAGES: "[100000,null,null]"}


def refuse_long(configuration: Configuration, element: Element) -> None:
    """Raises InvalidInput naming the `url` whose poll would ask with an address that the provider does not take.

    The configuration is one that `instancerules.check` accepts.
    """
    root = completed(configuration, element.configuration)[element.api.root]
    base = base_url(root, FIELD + element.api.root)
    for entry in polled(configuration, element):
        resource = element.resource(entry.path)
        assert resource is not None, "instancerules.polled refuses what the element does not have"
        length = len(_address(base, resource, entry, element.api.page_size))
        if length > URL_LIMIT:
            raise InvalidInput(
                f"{FIELD}event.poller.configuration.{entry.name}.url",
                f"makes an address of {length} characters at the provider, which takes {URL_LIMIT}; "
                "shorten the where or the list of fields",
            )


def _address(base: str, resource: Resource, entry: PolledResource, size: int) -> str:
    query = entry.query(bound=_SAMPLE, now=_SAMPLE)
    where = translate(parse(query.where), resource.field_types) if query.where is not None else ""
    paging = ask(resource.paging, position=_FAR[resource.paging], size=size, id_field=resource.id)
    # A sweep asks for ids only, where the user has not said which fields.
    params = {"fields": resource.id} | {name: text for name, text in query.parameters if name.lower() not in PAGING}
    return url_of(base, resource.provider_path, {**params, "conditions": where, **paging.params})
