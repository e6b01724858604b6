"""The table behind every list: its indexes say what a scan would, its bytes lose nothing."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tidings.sandbox import SandboxConfig, build
from tidings.sandbox.catalog import RESOURCES
from tidings.sandbox.conditions import Bounds
from tidings.sandbox.paging import Parameters, navigable_links
from tidings.sandbox.projection import project, tree
from tidings.sandbox.render import CustomFields, Fragment, Renderer
from tidings.sandbox.seed import seed
from tidings.sandbox.table import Table

BOARD = RESOURCES["system/locations"]
SECONDS = [f"2026-01-01T00:00:{second:02}Z" for second in range(8)]


def table() -> Table:
    return Table(BOARD, Renderer(BOARD, lambda *_: Fragment(b"{}"), lambda _: CustomFields()))


def row(number: int, stamp: str) -> dict[str, Any]:
    return {"id": number, "name": f"n{number}", "_info": {"lastUpdated": stamp, "updatedBy": "a"}}


WRITES = st.lists(st.tuples(st.integers(1, 12), st.sampled_from([*SECONDS, None])), max_size=40)
BOXES = st.builds(
    Bounds,
    stamp_from=st.none() | st.sampled_from(SECONDS),
    stamp_strict=st.booleans(),
    stamp_to=st.none() | st.sampled_from(SECONDS),
    stamp_to_strict=st.booleans(),
    id_after=st.none() | st.integers(0, 13),
)


@given(WRITES, BOXES)
def test_the_index_finds_what_a_scan_finds_after_any_writes(writes: list[tuple[int, str | None]], box: Bounds):
    rows: dict[int, dict[str, Any]] = {}
    kept = table()
    for number, stamp in writes:
        if stamp is None:
            if rows.pop(number, None) is not None:
                kept.remove(number)
            continue
        kept.put(row(number, stamp), rows.get(number))
        rows[number] = row(number, stamp)
        if number % 2:
            kept.body(number)
        if number % 3 == 0:
            kept.pieces([number], b"http://h")

    def inside(number: int) -> bool:
        stamp = rows[number]["_info"]["lastUpdated"]
        low = box.stamp_from is None or (stamp > box.stamp_from if box.stamp_strict else stamp >= box.stamp_from)
        high = box.stamp_to is None or (stamp < box.stamp_to if box.stamp_to_strict else stamp <= box.stamp_to)
        return low and high and (box.id_after is None or number > box.id_after)

    assert list(kept.ids) == sorted(rows)
    assert list(kept.within(box)) == [number for number in sorted(rows) if inside(number)]
    assert [kept.stamp(number) for number in kept.ids] == [
        rows[number]["_info"]["lastUpdated"] for number in sorted(rows)
    ]
    assert kept.by_stamp(descending=False) == sorted(rows, key=lambda n: (rows[n]["_info"]["lastUpdated"], n))


def test_a_record_kept_as_its_answer_is_the_record_that_was_seeded():
    now = datetime(2026, 5, 1, tzinfo=UTC)
    tenant = build(SandboxConfig(seed=3, contacts=300, companies=30, tickets=80, clock=now.timestamp)).tenant()
    data = seed(3, contacts=300, companies=30, tickets=80, now=now)
    for path in data:
        for record in data[path]:
            kept = tenant.tables[path]
            body = kept.body(record["id"])
            # An empty list is shown whether or not it was stored.
            said = {name: value for name, value in record.items() if value != []}
            assert {**kept.stored(record["id"]), **record} == record, path
            assert kept.stored(record["id"]).items() >= said.items(), path
            kept.stale([record["id"]])
            assert kept.body(record["id"]) == body, path


def test_control_characters_in_a_text_are_not_taken_for_markers():
    kept = table()
    kept.put({"id": 1, "name": "\x00\x01\x02 http://", "_info": {"lastUpdated": SECONDS[0]}})
    assert b"\\u0000\\u0001\\u0002 http://" in kept.body(1)


@given(st.integers(1, 12), st.integers(1, 5), st.integers(0, 40))
def test_the_links_of_a_page_lead_through_all_pages(page: int, size: int, total: int):
    links = navigable_links("http://h/x", Parameters.of(f"pageSize={size}&page={page}"), total)
    last = -(-total // size)
    assert (links is None) == (last <= 1 and page == 1)
    if links is not None:
        assert ('rel="next"' in links) == (page < last)
        assert ('rel="prev"' in links) == (page > 1)
        assert links.endswith('rel="last"' if page < last else 'rel="first"')


def test_fields_cut_arrays_element_by_element():
    record = {"id": 1, "types": [{"id": 2, "name": "VIP"}], "_info": {"lastUpdated": "x", "updatedBy": "y"}}
    assert project(record, tree("types/name,_info/lastUpdated")) == {
        "types": [{"name": "VIP"}],
        "_info": {"lastUpdated": "x"},
    }
    assert project(record, tree("*")) == {"id": 1}
