"""How a record's bytes are kept: zstd, with a dictionary trained on the first page of each lane."""

from __future__ import annotations

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Sequence

import zstandard

TRAIN_ROWS = 64  #: fewer samples make a dictionary that does not pay
SAMPLE_ROWS = 500
DICTIONARY_SIZE = 16 * 1024
KEPT = 256  #: dictionaries in memory, 16 kB and their tables each


class Snapshots:
    """Compresses and expands the snapshots of any lane; not for two threads at once."""

    def __init__(self, select: str, insert: str) -> None:
        self._select, self._insert = select, insert
        self._codecs: OrderedDict[int, tuple[zstandard.ZstdCompressor, zstandard.ZstdDecompressor, bool]] = (
            OrderedDict()
        )

    def compress(self, connection: sqlite3.Connection, lane_id: int, bodies: Sequence[bytes]) -> list[bytes]:
        """Inside a write transaction; trains and stores the lane's dictionary when there are samples enough."""
        compressor, _, trained = self._codec(connection, lane_id)
        if not trained and len(bodies) >= TRAIN_ROWS:
            try:
                body = zstandard.train_dictionary(DICTIONARY_SIZE, list(bodies[:SAMPLE_ROWS]), k=256, d=8).as_bytes()
            except zstandard.ZstdError:  # samples too alike or too short to learn from
                body = None
            if body is not None:
                connection.execute(self._insert, {"lane_id": lane_id, "body": body})
                compressor = self._keep(lane_id, body)[0]
        return [compressor.compress(body) for body in bodies]

    def expand(self, connection: sqlite3.Connection, lane_id: int, body: bytes) -> bytes:
        return self._codec(connection, lane_id)[1].decompress(body)

    def forget(self, lane_id: int) -> None:
        """After a rollback: the dictionary may not be in the database."""
        self._codecs.pop(lane_id, None)

    def _codec(
        self, connection: sqlite3.Connection, lane_id: int
    ) -> tuple[zstandard.ZstdCompressor, zstandard.ZstdDecompressor, bool]:
        codec = self._codecs.get(lane_id)
        if codec is not None and codec[2]:
            self._codecs.move_to_end(lane_id)
            return codec
        row = connection.execute(self._select, {"lane_id": lane_id}).fetchone()
        return self._keep(lane_id, row[0] if row else None)

    def _keep(
        self, lane_id: int, body: bytes | None
    ) -> tuple[zstandard.ZstdCompressor, zstandard.ZstdDecompressor, bool]:
        if body is None:
            codec = (zstandard.ZstdCompressor(level=3), zstandard.ZstdDecompressor(), False)
        else:
            words = zstandard.ZstdCompressionDict(body)
            codec = (
                zstandard.ZstdCompressor(level=3, dict_data=words),
                zstandard.ZstdDecompressor(dict_data=words),
                True,
            )
        self._codecs[lane_id] = codec
        while len(self._codecs) > KEPT:
            self._codecs.popitem(last=False)
        return codec


class ReaderSnapshots(threading.local):
    """Each reading thread has its own codecs: zstd objects are not for two threads at once."""

    def __init__(self, select: str) -> None:
        self.codecs = Snapshots(select, "")
