"""Whose certificates are believed?"""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from tests.outbound.receivers import answering, receiver
from tidings.core.addresses import LOOPBACK_ONLY
from tidings.core.errors import InvalidInput
from tidings.outbound.pool import ConnectionPool
from tidings.outbound.sender import Sender
from tidings.outbound.trust import trust

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


async def error_of(context: ssl.SSLContext, name: str, authority: trustme.CA, protocol: ssl.TLSVersion) -> str | None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.minimum_version = ssl.TLSVersion.TLSv1_2
    server.maximum_version = protocol
    authority.issue_cert(name).configure_cert(server)
    async with receiver(answering(OK), tls=server) as port, ConnectionPool(LOOPBACK_ONLY, tls=context) as pool:
        return (await Sender(pool).send(f"https://127.0.0.1:{port}/", {}, b"{}")).error


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.mark.parametrize("protocol", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_private_authority_is_believed_where_it_is_given(
    authority: trustme.CA, file: Path, protocol: ssl.TLSVersion
):
    assert await error_of(trust(file), "127.0.0.1", authority, protocol) is None
    refused = await error_of(trust(None), "127.0.0.1", authority, protocol)
    assert refused is not None
    assert refused.startswith("the certificate of 127.0.0.1 was not accepted")


async def test_another_authority_and_another_name_are_not(authority: trustme.CA, file: Path):
    for name, by in (("127.0.0.1", trustme.CA()), ("other.example", authority)):
        refused = await error_of(trust(file), name, by, ssl.TLSVersion.TLSv1_3)
        assert refused is not None
        assert refused.startswith("the certificate of 127.0.0.1 was not accepted")


def test_the_systems_authorities_are_believed_beside_it(file: Path):
    assert len(trust(file).get_ca_certs()) == len(trust(None).get_ca_certs()) + 1


def test_a_file_that_cannot_be_used_is_refused_by_the_settings_name(tmp_path: Path):
    for content, says in (
        (None, "cannot be read"),
        ("", "holds no certificates"),
        ("nonsense", "holds no certificates"),
    ):
        path = tmp_path / "ca.pem"
        if content is not None:
            path.write_text(content)
        with pytest.raises(InvalidInput, match=f"^TIDINGS_CA_FILE: .*ca.pem {says}"):
            trust(path)
