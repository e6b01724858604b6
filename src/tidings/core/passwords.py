"""How a password is kept, and whether one is right: scrypt, with its costs in the stored text."""

from __future__ import annotations

import base64
import hashlib
import hmac

COST, BLOCK, LANES = 2**14, 8, 1  #: 16 MiB and about 50 ms a try

#: Nobody's: no password is right for it, and finding that out takes as long as for a real one.
NOBODY = f"scrypt${COST}${BLOCK}${LANES}${'A' * 22}==${'A' * 43}="


def hash_password(password: str, salt: bytes) -> str:
    """`scrypt$cost$block$lanes$salt$hash`; `salt` is 16 random bytes from the caller."""
    return "$".join(("scrypt", str(COST), str(BLOCK), str(LANES), _text(salt), _text(_digest(password, salt))))


def is_password(password: str, kept: str) -> bool:
    """Compared in constant time; False for a text that `hash_password` did not make."""
    try:
        scheme, cost, block, lanes, salt, digest = kept.split("$")
        if scheme != "scrypt":
            return False
        tried = _digest(password, base64.b64decode(salt), int(cost), int(block), int(lanes))
        return hmac.compare_digest(tried, base64.b64decode(digest))
    except ValueError:
        return False


def _digest(password: str, salt: bytes, cost: int = COST, block: int = BLOCK, lanes: int = LANES) -> bytes:
    # OpenSSL's own limit is below what these costs need.
    room = 2 * 128 * cost * block * lanes
    secret = password.encode(errors="surrogatepass")
    return hashlib.scrypt(secret, salt=salt, n=cost, r=block, p=lanes, maxmem=room, dklen=32)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
