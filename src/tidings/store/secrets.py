"""How secrets are kept: sealed with AES-256-GCM under a master key whose name stands in the blob.

The master key file (0600) holds one `name:base64` line a key; the first seals, all open, so a new line on top is a
rotation without downtime. Losing the file loses the secrets.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tidings.core.errors import InvalidInput

NONCE_SIZE = 12


class Vault:
    """Seals and opens secrets, and makes the keyed hashes by which they are looked up."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._current = next(iter(keys))
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        # The oldest key makes the look-up hashes, so a rotation does not log everybody out.
        self._lookup_key = hashlib.blake2b(list(keys.values())[-1], person=b"tidings-lookup").digest()
        self._derivation_key = hashlib.blake2b(list(keys.values())[-1], person=b"tidings-derive").digest()

    def seal(self, plain: bytes, purpose: str) -> bytes:
        """`name NUL nonce ciphertext`; `purpose` is bound to it, so a blob cannot be moved to another column."""
        nonce = os.urandom(NONCE_SIZE)
        sealed = self._ciphers[self._current].encrypt(nonce, plain, purpose.encode())
        return self._current.encode() + b"\0" + nonce + sealed

    def open(self, blob: bytes, purpose: str) -> bytes:
        """Raises InvalidInput when the key is not in the file or the blob was altered."""
        name, _, rest = blob.partition(b"\0")
        cipher = self._ciphers.get(name.decode(errors="replace"))
        if cipher is None:
            raise InvalidInput(
                "master.key", f"has no key named {name.decode(errors='replace')!r}; restore the old file"
            )
        try:
            return cipher.decrypt(rest[:NONCE_SIZE], rest[NONCE_SIZE:], purpose.encode())
        except InvalidTag:
            raise InvalidInput("master.key", "does not open the stored secrets; restore the old file") from None

    def lookup(self, secret: str) -> bytes:
        """A keyed hash: equal for equal secrets, useless without the master key."""
        return hmac.digest(self._lookup_key, secret.encode(), "sha256")

    def derive(self, purpose: str) -> bytes:
        """32 bytes that are always the same for a purpose, and that nobody knows who has not the master key."""
        return hmac.digest(self._derivation_key, purpose.encode(), "sha256")


def load_vault(path: Path) -> Vault:
    """The vault of the key file at `path`; makes the file, readable by its owner alone, when there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        line = f"k1:{base64.b64encode(AESGCM.generate_key(256)).decode()}\n"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return load_vault(path)
        with os.fdopen(descriptor, "w") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    keys: dict[str, bytes] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        name, _, encoded = line.strip().partition(":")
        if not name or not encoded:
            continue
        try:
            key = base64.b64decode(encoded, validate=True)
        except ValueError:
            key = b""
        if len(key) != 32:
            raise InvalidInput(str(path), f"line {number} is no key; a line is name:base64 of 32 bytes")
        keys[name] = key
    if not keys:
        raise InvalidInput(str(path), "holds no key; restore it from your backup, or remove it to start anew")
    return Vault(keys)
