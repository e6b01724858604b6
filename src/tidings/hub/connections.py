"""Which connection does an instance's hub ask through? One that is kept while its configuration stays as it is."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from tidings.core.model import Instance
from tidings.elements.connection import Connection
from tidings.elements.element import Element

KEPT = 1000


class Connections:
    """Makes connections with `connect`, each once for a revision of its instance; those of the last `KEPT` stay."""

    def __init__(self, connect: Callable[[Element, Instance], Connection]) -> None:
        self._connect = connect
        self._kept: OrderedDict[int, tuple[int, Connection]] = OrderedDict()

    def of(self, element: Element, instance: Instance) -> Connection:
        """The connection of an instance as it is now; raises what `connect` raises."""
        revision, kept = self._kept.get(instance.id, (None, None))
        if kept is None or revision != instance.revision:
            kept = self._connect(element, instance)
            self._kept[instance.id] = instance.revision, kept
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(instance.id)
        return kept
