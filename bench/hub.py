"""What does it cost to ask a provider through the hub, and how many pages go through it?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.engine import make_instance
from bench.figures import Bar, Figure, beside
from bench.limits import pages
from bench.measure import Run, Speed, percentile
from bench.prepare import now, opened
from bench.processes import cores, first_line, free_port, pin, sandbox, serving, started, used
from bench.scale import Scale
from tidings.api.routes import BASE
from tidings.core.splice import elements, listed
from tidings.hub.nulls import without_nulls

AT_ONCE = 50
ANSWERS_AFTER = 0.2  #: seconds that the provider takes, as one far away does
ADDED, ADDED_P99 = 0.001, 0.005
PAGES_AT_ONCE = 4
PAGES, PAGES_RATIO = 300, 0.7

Call = Callable[[], Awaitable[None]]


async def figures(scale: Scale) -> list[Figure]:
    """The hub beside the provider asked directly, and beside a proxy that does nothing but hand on."""
    with TemporaryDirectory(prefix="tidings-bench-") as folder, _on_core(cores()[1]):
        with sandbox(1000, cores()[1]) as (account, _):
            page = next(pages(account))
        as_it_is, whole, one = (Path(folder) / name for name in ("nulls", "page", "one"))
        as_it_is.write_bytes(page)
        whole.write_bytes(without_nulls(page))
        one.write_bytes(listed(elements(page)[:1]))
        return [
            await _added(Path(folder) / "added", account, one, scale.hub_calls),
            await _through(Path(folder) / "through", account, whole, scale.hub_pages, scale.rounds, gate=True),
            await _through(Path(folder) / "nulls-in-it", account, as_it_is, scale.hub_pages, scale.rounds, gate=False),
        ]


async def _added(data: Path, account: Mapping[str, str], page: Path, calls: int) -> Figure:
    """Calls of 50 instances of as many tenants, each of which has its own budget at the provider."""
    with _canned(page, ANSWERS_AFTER) as provider:
        tokens, secret = await _instances(data, {**account, "baseUrl": f"http://127.0.0.1:{provider}/apis"}, AT_ONCE)
        port = free_port()
        with serving(data, cores()[0], port=port) as server:
            path = f"{BASE}/hubs/crm/contacts?pageSize=1"
            ours = [_request(port, path, f"User {secret}, Element {token}") for token in tokens]
            direct = [_request(provider, "/apis/company/contacts?pageSize=1", "Basic x")] * AT_ONCE
            await _timed(port, ours, 3 * AT_ONCE)
            asked = await _timed(provider, direct, calls)
            cpu = used(server)
            hub = await _timed(port, ours, calls)
            cpu = (used(server) - cpu) / calls
    added = median(hub) - median(asked)
    added_p99 = percentile(hub, 0.99) - percentile(asked, 0.99)
    return Figure(
        f"hub: {calls:,} GETs, {AT_ONCE} at once, of a provider that answers after {ANSWERS_AFTER * 1000:.0f} ms",
        f"p50 {median(hub) * 1000:.2f} ms, p99 {percentile(hub, 0.99) * 1000:.2f} ms, "
        f"{cpu * 1000:.2f} ms of CPU a call",
        f"p50 {median(asked) * 1000:.2f} ms, p99 {percentile(asked, 0.99) * 1000:.2f} ms, asked directly",
        f"{added * 1000:.2f} ms more at the median, {added_p99 * 1000:.2f} ms at p99",
        (
            Bar(f"<= {ADDED * 1000:g} ms at the median", added <= ADDED, gate=True),
            Bar(f"<= {ADDED_P99 * 1000:g} ms at p99", added_p99 <= ADDED_P99, gate=True),
        ),
    )


async def _through(
    data: Path, account: Mapping[str, str], page: Path, count: int, rounds: int, *, gate: bool
) -> Figure:
    """Pages of 1,000 records, by the hub and by a bare proxy in turn; a gate where nothing must change in them."""
    hub, bare = list[Run](), list[Run]()
    with _canned(page, 0.0) as provider, started(["bench.proxy", f"http://127.0.0.1:{provider}"], cores()[0]) as proxy:
        proxy_port = int(first_line(proxy[0])["port"])
        tokens, secret = await _instances(data, {**account, "baseUrl": f"http://127.0.0.1:{provider}/apis"}, 1)
        port = free_port()
        with serving(data, cores()[0], port=port) as server:
            ours = [_request(port, f"{BASE}/contacts?pageSize=1000", f"User {secret}, Element {tokens[0]}")]
            theirs = [_request(proxy_port, "/apis/company/contacts?pageSize=1000", "Basic x")]
            for where, requests in ((port, ours), (proxy_port, theirs)):
                await _timed(where, requests * PAGES_AT_ONCE, 20)
            for _ in range(rounds):
                for runs, where, requests, process in (
                    (hub, port, ours, server),
                    (bare, proxy_port, theirs, proxy[1]),
                ):
                    cpu, wall = used(process), time.perf_counter()
                    await _timed(where, requests * PAGES_AT_ONCE, count)
                    took = time.perf_counter() - wall
                    runs.append(Run(count, took, max(used(process) - cpu, 0.01)))
    return beside(
        f"hub: pages of 1,000 records ({page.stat().st_size / 1000:,.0f} kB), "
        f"{page.read_bytes().count(b':null')} nulls to leave out, beside a bare proxy",
        Speed(hub),
        Speed(bare),
        "pages",
        least=PAGES if gate else None,
        least_ratio=PAGES_RATIO if gate else None,
        gate=True,
    )


async def _instances(data: Path, account: Mapping[str, str], count: int) -> tuple[Sequence[str], str]:
    """The tokens of instances that only answer calls, each of another tenant, and the secret of their user."""
    data.mkdir()
    async with opened(data) as store:
        user = await store.user(1)
        assert user is not None
        made = [
            await make_instance(
                store,
                {**account, "company": f"company{number}"},
                now(),
                name=f"Company-{number}",
                event__notification__enabled="false",
                event__notification__callback__url="",
            )
            for number in range(count)
        ]
        return [instance.token for instance in made], user.secret


@contextmanager
def _canned(page: Path, after: float) -> Iterator[int]:
    with started(["bench.canned", str(page), str(after)], cores()[1]) as (process, _):
        yield int(first_line(process)["port"])


@contextmanager
def _on_core(core: set[int]) -> Iterator[None]:
    """Call from the core of the provider, so that the server has its own."""
    pin(core)
    try:
        yield
    finally:
        pin(cores()[0])


def _request(port: int, path: str, authorization: str) -> bytes:
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: {authorization}\r\n\r\n"
    return head.encode()


async def _timed(port: int, requests: Sequence[bytes], calls: int) -> list[float]:
    """The seconds of each call; every request goes again and again over a connection of its own, staggered."""
    numbers = iter(range(calls))
    took: list[float] = []

    async def work(request: bytes, nth: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
        await asyncio.sleep(nth * ANSWERS_AFTER / len(requests))
        for _ in numbers:
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            took.append(time.perf_counter() - began)
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"a call was refused: {head.decode()}")
        writer.close()

    await asyncio.gather(*(work(request, nth) for nth, request in enumerate(requests)))
    return took
