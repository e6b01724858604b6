"""Can somebody who knows only what `tidings sandbox` prints use it?"""

import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import aiohttp
import orjson
import pytest
import trustme

from tests.cli.test_command import tidings
from tidings.cli.sandbox import tls_context
from tidings.core.errors import InvalidInput

SMALL = ("--port", "0", "--contacts", "3", "--companies", "2", "--tickets", "1", "--json", "--stop-on-eof")


async def test_what_it_prints_opens_it_and_the_end_of_stdin_stops_it():
    process = subprocess.Popen(
        [sys.executable, "-m", "tidings", "sandbox", *SMALL, "--company", "acme", "--company", "globex"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process, process.stdout, process.stdin:
        printed = orjson.loads(process.stdout.readline())
        assert [account["company"] for account in printed["accounts"]] == ["acme", "globex"]
        keys = f"{printed['company']}+{printed['publicKey']}:{printed['privateKey']}"
        sent = {"Authorization": f"Basic {b64encode(keys.encode()).decode()}", "clientId": printed["clientId"]}
        async with aiohttp.ClientSession(headers=sent) as session:
            async with session.get(f"{printed['baseUrl']}/company/contacts/count") as answer:
                assert await answer.json() == {"count": 3}
            async with session.get(f"{printed['admin']}/changes") as answer:
                assert await answer.json() == {"last": 0, "changes": []}
        process.stdin.close()
        assert process.wait(20) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--tickets", "1", "--companies", "0"), "give at least 1"),
        (("--https-cert", "x.pem"), "belong together"),
        (("--https-cert", "/nowhere/x.pem", "--https-key", "/nowhere/y.pem"), "/nowhere/x.pem is not there"),
    ],
)
def test_what_cannot_be_served_is_refused_in_one_sentence(arguments: tuple[str, ...], sentence: str):
    refused = tidings("sandbox", "--port", "0", *arguments)
    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_certificate_and_a_key_of_two_pairs_are_refused(tmp_path: Path):
    first, second = (trustme.CA().issue_cert("localhost") for _ in range(2))
    first.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    first.private_key_pem.write_to_path(tmp_path / "key.pem")
    second.private_key_pem.write_to_path(tmp_path / "other.pem")
    assert tls_context(tmp_path / "cert.pem", tmp_path / "key.pem") is not None
    with pytest.raises(InvalidInput, match="do not belong together"):
        tls_context(tmp_path / "cert.pem", tmp_path / "other.pem")
