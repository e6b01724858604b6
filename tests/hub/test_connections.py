"""A connection is made once for each revision of its instance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from tidings.core.errors import InvalidInput
from tidings.core.model import Instance
from tidings.elements.connection import Connection
from tidings.elements.describe import catalog
from tidings.elements.element import Element
from tidings.hub import connections
from tidings.hub.connections import Connections

ELEMENT = catalog()["connectwisecrmrest"]
INSTANCE = Instance(
    id=1,
    account_id=1,
    user_id=1,
    element_key=ELEMENT.key,
    name="Acme",
    tags=(),
    configuration={},
    disabled=False,
    created_at=0,
    updated_at=0,
    revision=1,
    last_sequence=0,
    token="t",
)


def made() -> tuple[Connections, list[tuple[int, int]]]:
    asked: list[tuple[int, int]] = []

    def connect(element: Element, instance: Instance) -> Connection:
        if instance.name == "wrong":
            raise InvalidInput("company", "is missing")
        asked.append((instance.id, instance.revision))
        return cast(Any, object())

    return Connections(connect), asked


def test_a_connection_is_kept_until_the_instance_changes() -> None:
    kept, asked = made()
    first = kept.of(ELEMENT, INSTANCE)
    assert kept.of(ELEMENT, INSTANCE) is first
    assert kept.of(ELEMENT, replace(INSTANCE, revision=2)) is not first
    assert kept.of(ELEMENT, replace(INSTANCE, id=2)) is not first
    assert asked == [(1, 1), (1, 2), (2, 1)]


def test_one_that_cannot_be_made_leaves_nothing_behind() -> None:
    kept, _ = made()
    for _ in range(2):
        with pytest.raises(InvalidInput):
            kept.of(ELEMENT, replace(INSTANCE, name="wrong"))
    assert kept.of(ELEMENT, INSTANCE) is not None


def test_those_that_are_used_are_kept_longest() -> None:
    kept, asked = made()
    for number in range(1, connections.KEPT + 1):
        kept.of(ELEMENT, replace(INSTANCE, id=number))
    kept.of(ELEMENT, INSTANCE)
    kept.of(ELEMENT, replace(INSTANCE, id=connections.KEPT + 1))
    del asked[:]
    kept.of(ELEMENT, INSTANCE)
    kept.of(ELEMENT, replace(INSTANCE, id=2))
    assert asked == [(2, 1)]
