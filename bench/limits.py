"""How fast could one process be that does nothing else? The bare loops that our figures stand beside.

Plain blocking code without error handling, retries, history or API, with the same requests, bodies and promises of
durability as the engine: what is left between the two is the price of being a product.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import http.client
import re
import sqlite3
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec

PAGE = 1000
IN_FLIGHT = 32
KEY = b"k" * 32


class _Info(msgspec.Struct):
    lastUpdated: str


class _Head(msgspec.Struct):
    id: int
    info: _Info = msgspec.field(name="_info")


_head = msgspec.json.Decoder(_Head).decode
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode


def pages(account: Mapping[str, str]) -> Iterator[bytes]:
    """All contacts, asked for as the engine asks: keys, client id, forward-only."""
    root = urlsplit(account["baseUrl"])
    keys = f"{account['company']}+{account['publicKey']}:{account['privateKey']}"
    headers = {
        "Authorization": f"Basic {b64encode(keys.encode()).decode()}",
        "clientId": account["clientId"],
        "Accept": "application/json",
        "pagination-type": "forward-only",
    }
    connection = http.client.HTTPConnection(root.hostname or "", root.port)
    path = first = f"{root.path}/company/contacts?pageSize={PAGE}"
    while True:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        if len(body) <= 2:
            connection.close()
            return
        yield body
        following = re.search(r"pageId=(\d+)", answer.headers["Link"])
        assert following is not None
        path = f"{first}&pageId={following[1]}"


def fetch(account: Mapping[str, str]) -> int:
    """Fetch every page whole, look at nothing: a page that is not empty counts as full, since nobody parses it."""
    return sum(PAGE for _ in pages(account))


class Comparing:
    """Fetch, find id and stamp, hash the exact bytes, compare with durable state, write what is new."""

    def __init__(self, path: Path) -> None:
        self._db = db = sqlite3.connect(path, isolation_level=None)
        db.execute("pragma journal_mode=wal")
        db.execute("pragma synchronous=full")
        db.execute("create table st(res int, oid int, h blob, primary key(res,oid)) without rowid")
        db.execute("create table ev(n integer primary key, oid int, kind int, body blob)")

    def close(self) -> None:
        self._db.close()

    def read(self, account: Mapping[str, str], *, keep: bool = False) -> int:
        """One reading of all contacts; `keep` writes an event row for each that is new or changed."""
        db, rows_read = self._db, 0
        for body in pages(account):
            rows = [(_head(raw).id, _hash(raw)) for raw in _split(body)]
            ids = [number for number, _ in rows]
            rows_read += len(rows)
            marks = ",".join("?" * len(ids))
            old = dict(db.execute(f"select oid,h from st where res=1 and oid in ({marks})", ids))
            changed = [(number, hashed) for number, hashed in rows if old.get(number) != hashed]
            if changed:
                db.execute("begin")
                db.executemany("insert into st values(1,?,?) on conflict do update set h=excluded.h", changed)
                if keep:
                    events = ((number, b"e" * 300) for number, _ in changed)
                    db.executemany("insert into ev(oid,kind,body) values(?,1,?)", events)
                db.execute("commit")
        return rows_read


def _hash(raw: bytes | msgspec.Raw) -> bytes:
    return hashlib.blake2b(raw, digest_size=16).digest()


async def post(url: str, bodies: Sequence[bytes]) -> int:
    """POST every body signed, 32 in flight, and read the answers; nothing is remembered."""
    numbered = iter(enumerate(bodies))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def work() -> None:
            for number, body in numbered:
                async with session.post(url, data=body, headers=_signed(number, body)) as answer:
                    await answer.read()

        await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    return len(bodies)


def _signed(number: int, body: bytes) -> dict[str, str]:
    at = str(1_700_000_000 + number)
    signature = hmac.new(KEY, f"msg_{number}.{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {
        "webhook-id": f"msg_{number}",
        "webhook-timestamp": at,
        "content-type": "application/json",
        "webhook-signature": f"v1,{signature}",
    }
