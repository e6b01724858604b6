"""How many of six changes are lost, and how much is sent again: Tidings, and other pollers beside it?

Tidings runs always; the others, each installed into an environment of its own, when `PEERS=1`.
"""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from aiohttp import web

from bench.account import Account, Provider
from bench.cases import CASES, DELETED, Case, Sent, Verdict, begin, judge
from bench.engine import make_instance
from bench.figures import Bar, Figure, aligned
from bench.peers.install import NotInstalled, installed
from bench.peers.pollers import POLLERS, DidNotRun, Poller
from bench.prepare import now, opened
from bench.processes import cores, server
from bench.scale import Scale

SECOND = "0.017"  #: minutes
SWEEP, AUDIT = "0.02", "0.05"  #: minutes; a delete is announced after two sweeps
WAIT_FOR = 40.0
LOOK_EVERY = 0.05
GO_ON_FOR = 12  #: pages more, so that polls, settle passes, sweeps and audits could repeat something
AT_ONCE = 2  #: peers that run at the same time

Verdicts = Mapping[str, Verdict]


async def figures(scale: Scale) -> list[Figure]:
    """One table: the cases, and for each poller whether it sent the change, and what it sent again."""
    async with Provider().serving() as provider:
        ours = await of_tidings(provider, cores()[0])
        columns: dict[str, Verdicts | str] = {"Tidings": ours}
        if os.environ.get("PEERS"):
            columns |= await _of_peers(provider)
    caught, repeats = sum(each.caught for each in ours.values()), sum(each.repeats for each in ours.values())
    beside = "" if len(columns) > 1 else "; PEERS=1 runs others beside it"
    return [
        Figure(
            f"cases: {len(CASES)} changes that pollers lose, and what is sent again{beside}",
            f"Tidings {caught} of {len(CASES)} caught, {repeats} sent again",
            rows=compared(columns),
            bars=(Bar(f"{len(CASES)} of {len(CASES)}, none again", caught == len(CASES) and not repeats, exact=True),),
        )
    ]


def compared(columns: Mapping[str, Verdicts | str]) -> tuple[str, ...]:
    """A line for each case, a column for each poller; text instead of verdicts says why there are none."""
    lines = [["", *columns]]
    for case in CASES:
        told = ("-" if isinstance(each, str) else _told(each[case.letter]) for each in columns.values())
        lines.append([f"{case.letter}  {case.name}", *told])
    failures = [f"{name}: {why}" for name, why in columns.items() if isinstance(why, str)]
    return (*aligned(lines), *failures)


def _told(verdict: Verdict) -> str:
    return f"{'caught' if verdict.caught else 'MISSED'}, {verdict.repeats} again"


async def of_tidings(provider: Provider, core: set[int]) -> Verdicts:
    """The installed server on `core`, an instance for each case, all over HTTP; existing records are announced."""
    sent: dict[str, list[Sent]] = defaultdict(list)
    accounts = {case.letter: provider.open(f"tidings-{case.letter}") for case in CASES}
    for case in CASES:
        begin(accounts[case.letter], case)
    async with _receiving(sent) as url:
        with TemporaryDirectory(prefix="tidings-bench-") as folder:
            data = Path(folder)
            await _instances(data, provider, url)
            with server(data, core):
                await asyncio.gather(*(_one(case, accounts[case.letter], sent[case.letter]) for case in CASES))
    return {case.letter: judge(case.wanted(accounts[case.letter]), sent[case.letter]) for case in CASES}


async def _one(case: Case, account: Account, sent: Sequence[Sent]) -> None:
    """Wait for the first reading, make the change, wait for it, and see what else comes."""
    keys = set(account.rows)
    if not await _until(lambda: keys <= {key for key, _ in sent}):
        return
    if not case.between_pages:
        case.change(account)
    await _until(lambda: case.wanted(account) <= set(sent))
    pages = account.lists + GO_ON_FOR
    await _until(lambda: account.lists >= pages)


async def _until(true: Callable[[], bool]) -> bool:
    for _ in range(round(WAIT_FOR / LOOK_EVERY)):
        if true():
            return True
        await asyncio.sleep(LOOK_EVERY)
    return False


async def _instances(data: Path, provider: Provider, url: str) -> None:
    keys = {"company": "acme", "publicKey": "public", "privateKey": "private", "clientId": "client"}
    async with opened(data) as store:
        for case in CASES:
            await make_instance(
                store,
                {"baseUrl": f"{provider.url}/tidings-{case.letter}/v4_6_release/apis/3.0", **keys},
                now(),
                name=case.name,
                event__notification__callback__url=f"{url}/{case.letter}",
                event__poller__first_run="backfill",
                event__poller__refresh_interval=SECOND,
                event__poller__settle_interval=SECOND,
                event__poller__sweep_interval=SWEEP,
                event__poller__audit_interval=AUDIT,
            )


@asynccontextmanager
async def _receiving(sent: dict[str, list[Sent]]) -> AsyncIterator[str]:
    """A receiver that notes what each case's instance sends."""

    async def receive(request: web.Request) -> web.Response:
        message = orjson.loads(await request.read())["message"]
        for event, record in zip(message["events"], message["raw"]["contacts"], strict=True):
            what = DELETED if event["eventType"] == "DELETED" else record["value"]
            sent[request.match_info["case"]].append((int(event["objectId"]), what))
        return web.Response()

    app = web.Application()
    app.router.add_post("/{case}", receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _of_peers(provider: Provider) -> dict[str, Verdicts | str]:
    """The same cases with other pollers: one reading, the change, one more; why not, where one cannot be had."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def judged(poller: Poller, binaries: Path | str) -> Verdicts | str:
        if isinstance(binaries, str):
            return binaries
        try:
            async with gate:
                return {case.letter: await _case_of_peer(provider, poller, binaries, case) for case in CASES}
        except DidNotRun as error:
            return f"did not run: {error}"

    ready = [await asyncio.to_thread(_ready, poller) for poller in POLLERS]
    found = await asyncio.gather(*map(judged, POLLERS, ready))
    return {poller.name: each for poller, each in zip(POLLERS, found, strict=True)}


def _ready(poller: Poller) -> Path | str:
    try:
        return installed(poller.requirement)
    except NotInstalled as error:
        return f"not installed: {error}"


async def _case_of_peer(provider: Provider, poller: Poller, binaries: Path, case: Case) -> Verdict:
    name = f"{poller.name}-{case.letter}".replace(" ", "-")
    account = provider.open(name)
    begin(account, case)
    with TemporaryDirectory(prefix="tidings-bench-") as folder:
        asked = (binaries, Path(folder), f"{provider.url}/{name}/plain")
        first = await poller.poll(*asked)
        if len({key for key, _ in first}) < len(account.rows) - case.between_pages:
            raise DidNotRun(f"of {len(account.rows)} rows it read {sorted(first)}")
        if not case.between_pages:
            case.change(account)
        return judge(case.wanted(account), list(chain(first, await poller.poll(*asked))))
