"""How are the rows of a bulk job kept in a file? Packed and sealed in chunks, which are appended and never changed.

A file consists of parts, one for each holder of the job's lane, so that no two of them write to the same place. A chunk
is a head (how long it is sealed, how many rows it has), a nonce, and what was sealed: its lines, compressed. Each is
sealed with the file's own key, which follows from the master key, and bound to its place.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tidings.core.bulk import Part
from tidings.core.errors import InvalidInput

_HEAD: Final = struct.Struct(">II")
_NONCE: Final = 12
_LARGEST: Final = 256 * 1024 * 1024
_NAME: Final = re.compile(r"([0-9a-f]{16,64})\.\d+")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines that were written together, each a row without its end, joined by line feeds. `number` and `offset` say
    where it stands: in which part, and from which byte on."""

    number: int
    offset: int
    rows: int
    body: bytes


class BulkFiles:
    """The files of a directory, which is made when it is needed; its owner alone can read it.

    `derive` makes a key that nobody knows who has not the master key. All methods block: call them in a thread.
    """

    def __init__(self, folder: Path, derive: Callable[[str], bytes]) -> None:
        self._folder, self._derive = folder, derive

    def append(self, name: str, part: Part, body: bytes, rows: int) -> Part:
        """The part with a chunk more; what stood behind the part is overwritten. It is durable after `sync`."""
        packed = zstandard.ZstdCompressor(level=1).compress(body)
        nonce = os.urandom(_NONCE)
        sealed = self._cipher(name).encrypt(nonce, packed, _place(name, part.number, part.bytes))
        written = _HEAD.pack(len(sealed), rows) + nonce + sealed
        path = self._path(name, part.number)
        if not part.bytes:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.truncate(part.bytes)
            file.seek(part.bytes)
            file.write(written)
        return Part(part.number, part.bytes + len(written), part.rows + rows)

    def sync(self, name: str, part: Part) -> None:
        """What was appended to the part outlives the machine."""
        if part.bytes:
            for path in (self._path(name, part.number), self._folder):
                descriptor = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)

    def chunks(self, name: str, parts: Sequence[Part], start: tuple[int, int] | None = None) -> Iterator[Chunk]:
        """The chunks in order, from the beginning or from the one that `start` says: a part's number and an offset.

        Raises InvalidInput where the file is gone, or was changed by somebody else.
        """
        cipher = self._cipher(name)
        for part in parts:
            at = 0
            if start is not None:
                if part.number != start[0]:
                    continue
                at, start = start[1], None
            if at >= part.bytes:
                continue
            try:
                with self._path(name, part.number).open("rb") as file:
                    file.seek(at)
                    while at < part.bytes:
                        head = file.read(_HEAD.size + _NONCE)
                        size, rows = _HEAD.unpack(head[: _HEAD.size])
                        place = _place(name, part.number, at)
                        packed = cipher.decrypt(head[_HEAD.size :], file.read(min(size, _LARGEST)), place)
                        body = zstandard.ZstdDecompressor().decompress(packed, max_output_size=_LARGEST)
                        yield Chunk(part.number, at, rows, body)
                        at += len(head) + size
            except FileNotFoundError:
                raise InvalidInput("id", "names a job whose file is not kept any more") from None
            except (struct.error, ValueError, InvalidTag, zstandard.ZstdError):
                raise InvalidInput("id", "names a job whose file cannot be read any more; start another one") from None

    def remove(self, name: str) -> None:
        """All parts; nothing happens where there is none."""
        for path in self._folder.glob(f"{name}.*"):
            path.unlink(missing_ok=True)

    def names(self) -> frozenset[str]:
        """All files that there are."""
        if not self._folder.is_dir():
            return frozenset()
        found = (_NAME.fullmatch(path.name) for path in self._folder.iterdir())
        return frozenset(match[1] for match in found if match is not None)

    def age_at(self, name: str, now: float) -> float:
        """Seconds since the file was written to last, at `now` (epoch seconds)."""
        return now - max((path.stat().st_mtime for path in self._folder.glob(f"{name}.*")), default=now)

    def _path(self, name: str, number: int) -> Path:
        return self._folder / f"{name}.{number}"

    def _cipher(self, name: str) -> AESGCM:
        return AESGCM(self._derive(f"bulk {name}"))


def _place(name: str, number: int, offset: int) -> bytes:
    return f"{name} {number} {offset}".encode()
