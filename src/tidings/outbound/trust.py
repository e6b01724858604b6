"""Whose certificates are believed: those of the system's authorities, and of a private one where there is one."""

from __future__ import annotations

import ssl
from pathlib import Path

from tidings.core.errors import InvalidInput

SETTING = "TIDINGS_CA_FILE"


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """For providers and receivers alike: certificates and host names are verified, whatever else is set.

    `ca_file` holds certificates in PEM and is added to the system's. Raises InvalidInput when it cannot be used.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is None:
        return context
    try:
        context.load_verify_locations(cafile=ca_file)
    except ssl.SSLError:
        raise InvalidInput(SETTING, f"{ca_file} holds no certificates in PEM; name a file that does") from None
    except OSError as error:
        raise InvalidInput(SETTING, f"{ca_file} cannot be read ({error.strerror}); name another") from None
    return context
