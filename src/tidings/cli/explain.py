"""What does `tidings explain` do? Says why a record was announced, or why not, as a timeline."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import orjson
import typer

from tidings.cli.output import Lines
from tidings.cli.platform import Platform
from tidings.cli.server_options import HERE, Data, OrganizationSecret, Url, UserSecret
from tidings.cli.stopping import run_until_stopped
from tidings.cli.tail import find_secrets

_COLOURS = {"seen": None, "looked": None, "sent": None, "unseen": "bright_black", "failed": "red"}


def explain(
    instance: Annotated[int, typer.Argument(help="The instance's id.")],
    resource: Annotated[str, typer.Argument(help="A polled resource, such as contacts.")],
    record: Annotated[str, typer.Argument(metavar="ID", help="The record's id at the provider.")],
    from_: Annotated[
        str | None,
        typer.Option("--from", help="ISO 8601 with its zone, or epoch milliseconds; otherwise 24 hours before --to."),
    ] = None,
    to: Annotated[str | None, typer.Option(help="The same; otherwise now.")] = None,
    url: Url = HERE,
    data: Data = None,
    user_secret: UserSecret = None,
    organization_secret: OrganizationSecret = None,
    json: Annotated[bool, typer.Option("--json", help="The answer of the API instead of lines of text.")] = False,
) -> None:
    """Say why a record was announced, or why not.

    Every reading that saw the record and what became of it, the event and each attempt to deliver it; and the readings
    that did not bring it, or failed.

    Example: [bold]tidings explain 1 contacts 57 --data tidings-data[/bold]

    Since a moment: [bold]tidings explain 1 contacts 57 --from 2026-09-21T14:00:00Z[/bold]
    """
    secrets = find_secrets(data, user_secret, organization_secret)
    asked = {"resource": resource, "objectId": record, "from": from_, "to": to}
    query = {name: value for name, value in asked.items() if value is not None}

    async def run(stop: asyncio.Event) -> None:
        async with Platform(url, secrets) as platform:
            found = await whole(platform, instance, query)
        lines = [orjson.dumps(found).decode()] if json else told(found, coloured=sys.stdout.isatty())
        Lines(stop).put(lines)

    run_until_stopped(run)


async def whole(platform: Platform, instance: int, query: Mapping[str, str]) -> dict[str, Any]:
    """The whole answer, page after page. Raises Away or Refusal."""
    found = page = await platform.explain(instance, query)
    while page["nextPage"] is not None:
        page = await platform.explain(instance, {**query, "nextPage": page["nextPage"]})
        found["entries"] += page["entries"]
    return {**found, "nextPage": None}


def told(found: Mapping[str, Any], *, coloured: bool = False) -> Iterator[str]:
    """The answer as lines: what is known, then what happened, each with its moment."""
    yield found["said"]
    yield f"from {found['from']} to {found['to']}; the trail reaches back to {found['trailDate'] or 'nothing yet'}"
    if (known := found["known"]) is not None:
        remarks = [
            f"it is {known['state']}",
            f"stamped {known['stampDate']}" if known["stampDate"] else "",
            "its delete is held for a person" if known["deleteHeld"] else "",
            "the provider cannot read it" if known["unreadable"] else "",
        ]
        yield ", ".join(filter(None, remarks))
    polling = found["polling"]
    if polling is not None and polling["reason"]:
        yield f"polling is {polling['state']}: {polling['reason']}"
    for entry in found["entries"]:
        yield ""
        yield from _entry(entry, coloured)


def _entry(entry: Mapping[str, Any], coloured: bool) -> Iterator[str]:
    until = f" – {entry['until']}" if entry.get("until", entry["date"]) != entry["date"] else ""
    said = entry["said"]
    if entry["kind"] in ("seen", "looked"):
        said = f"{entry['reading']} (asked for {entry['asked']}): {said}"
    colour = _COLOURS[entry["kind"]]
    yield f"{entry['date']}{until}  {typer.style(said, fg=colour) if coloured and colour else said}"
    for event in entry.get("events", ()):
        yield f"    {event['eventType']} #{event['sequence']} in {event['eventId']}: {event['status']}"
        for attempt in event["attempts"]:
            came_to = attempt["error"] or f"answered {attempt['status']}"
            by = f" by replay {attempt['replayId']}" if "replayId" in attempt else ""
            yield f"        {attempt['date']}  attempt {attempt['number']}{by}: {came_to}, after {attempt['tookMs']} ms"
