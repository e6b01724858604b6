"""Do the receivers that docs/events.md shows tell a right signature from a wrong one?"""

from __future__ import annotations

import shutil
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks
from tests.docs.session import Program, environment, free_ports
from tests.docs.test_coverage import CONTEXT
from tidings.core.model import Change, EventType
from tidings.core.notify import cut
from tidings.core.signing import headers

KEYS = ("correct horse, bättery", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
SIGNATURE = "webhook-signature"
RUN = {"python": (sys.executable, "receiver.py"), "javascript": ("node", "receiver.js"), "go": ("go", "receiver.go")}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("language", RUN)
def test_a_shown_receiver_takes_what_is_ours_once_and_refuses_the_rest(tmp_path: Path, language: str, key: str):
    command, file = RUN[language]
    if shutil.which(command) is None:
        pytest.skip(f"{command} is not installed")
    (source,) = (each.text for each in blocks((ROOT / "docs/events.md").read_text()) if each.kind == (language,))
    assert source.count("\n") <= 30
    (tmp_path / file).write_text(source)
    (port,) = free_ports(1)
    starting = f"{command} run {file}" if language == "go" else f"{command} {file}"
    receiver = Program(f"{starting} {port} '{key}'", tmp_path, environment())
    try:
        receiver.wait_for("listening")
        (first,) = cut([Change(EventType.CREATED, 7, 1, 0, '{"name":"Zoë"}'.encode())], 1, 1, CONTEXT)
        (second,) = cut([Change(EventType.DELETED, 8, 2, 0, b"{}")], 2, 2, CONTEXT)
        now = int(time.time())
        signed = headers(first.id, first.body, ["another key", key], now)
        assert [post(port, first.body, signed), post(port, first.body, signed)] == [200, 200]
        assert post(port, first.body, signed | {SIGNATURE: signed[SIGNATURE].swapcase()}) == 401
        assert post(port, first.body, headers(first.id, first.body, [key], now - 400)) == 401
        assert post(port, second.body, signed) == 401
        assert post(port, second.body, headers(second.id, second.body, (), now)) == 401
        assert post(port, second.body, headers(second.id, second.body, [key], now)) == 200
        receiver.wait_for("…DELETED…")
        assert sum("CREATED" in line for line in receiver.lines) == 1
    finally:
        receiver.close()


def post(port: str, body: bytes, sent: dict[str, str]) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", body, sent, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code
