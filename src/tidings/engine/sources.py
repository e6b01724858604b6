"""How a claimed poll lane becomes a source: its instance, element, resource and configuration, joined."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from tidings.core import instancerules
from tidings.core.configvalues import boolean, interval, whole
from tidings.core.cursor import Intervals, decode
from tidings.core.errors import InvalidInput
from tidings.core.instanceconfig import Configuration, completed
from tidings.core.model import Instance, Lane
from tidings.core.pollerconfig import PolledResource
from tidings.elements.connection import Connection
from tidings.elements.describe import Element, Resource
from tidings.elements.heads import HeadReader
from tidings.elements.pages import Paging
from tidings.engine.ahead import ReadAhead
from tidings.engine.source import Source, minutes, moment_reader, tree_of
from tidings.store.base import Store


class Sources:
    """Opens the source of a lane; keeps nothing, because configuration changes while it runs."""

    def __init__(
        self,
        store: Store,
        catalog: Mapping[str, Element],
        connect: Callable[[Element, Instance], Connection],
        *,
        interval_floor: float,
        organization_id: int,
        read_ahead: bool = True,
    ) -> None:
        self._store, self._catalog, self._connect = store, catalog, connect
        self._interval_floor, self._organization_id = interval_floor, organization_id
        self._read_ahead = read_ahead

    async def open(self, lane: Lane) -> Source | None:
        """The source, or None when the instance is gone. Raises `InvalidInput` when its configuration is unusable."""
        instance = await self._store.instance(lane.instance_id)
        if instance is None:
            return None
        element = self._catalog.get(instance.element_key)
        if element is None:
            raise InvalidInput("element", f"{instance.element_key} is not in the catalog of this version")
        configuration = Configuration(instance.configuration, instance.secrets)
        values = completed(configuration, element.configuration)
        polled = next((each for each in instancerules.polled(configuration, element) if each.name == lane.key), None)
        if polled is None:
            raise InvalidInput(f"event.poller.configuration.{lane.key}", "is not configured any more")
        resource = element.resource(polled.path)
        if resource is not None and decode(lane.cursor).numbered:
            resource = msgspec.structs.replace(resource, paging=Paging.PAGES)
        assert resource is not None, "instancerules.polled refuses what the element does not have"
        return self._join(instance, element, resource, polled, values)

    def _join(
        self,
        instance: Instance,
        element: Element,
        resource: Resource,
        polled: PolledResource,
        values: Mapping[str, str | None],
    ) -> Source:
        updated = polled.updated_field or ()
        # A created stamp that is the updated stamp (the platform's default for ConnectWise) says nothing.
        given = polled.created_field if polled.created_field and polled.created_field != updated else None
        created = given or (resource.created_path if resource.created_path != updated else ())
        touched = polled.touched or resource.touched
        read_created = moment_reader(polled.created_format if given else None, polled.created_zone if given else "UTC")
        connection = self._connect(element, instance)
        return Source(
            instance=instance,
            element=element,
            resource=resource,
            polled=polled,
            connection=connection,
            pages=ReadAhead(connection, resource, on=self._read_ahead),
            heads=HeadReader(polled.id_field, updated, created, resource.deleted_path),
            ids=HeadReader(resource.id_path, deleted_path=resource.deleted_path),
            read_stamp=moment_reader(polled.updated_format, polled.updated_zone),
            read_created=read_created if created else None,
            volatile=tree_of(resource, polled),
            intervals=Intervals(
                poll=round(60_000 * interval(values.get("event.poller.refresh_interval"), self._interval_floor)),
                settle=minutes(polled.settle_interval),
                sweep=minutes(polled.sweep_interval),
                audit=minutes(polled.audit_interval),
            ),
            overlap=round(1000 * (polled.overlap + polled.poll_delay)),
            settle_window=minutes(polled.settle_window) or 0,
            announce_touched=touched == "announce",
            page_size=min(polled.page_size or element.api.page_size, element.api.page_size),
            max_events=whole(values.get("event.notification.max_events"), "event.notification.max_events", "events"),
            filter_nulls=boolean(values.get("filter.response.nulls"), "filter.response.nulls"),
            organization_id=self._organization_id,
        )
