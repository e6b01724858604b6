"""Does the module for receivers take what is ours, and nothing else?"""

from __future__ import annotations

import ast
import base64
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import standardwebhooks
import svix.webhooks
from hypothesis import given
from hypothesis import strategies as st

from tidings import webhooks
from tidings.core.signing import headers

KEY, ID, NOW = "correct horse, bättery", "AWVX9OTIhdQRdI1F7Q7v", 1_700_000_000
BODY = '{"name":"Zoë"}'.encode()


def verify(sent: dict[str, str], body: bytes = BODY, key: str | list[str] = KEY, **options: bool) -> None:
    webhooks.verify(sent, body, key, clock=lambda: NOW, **options)


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.binary(), st.binary())
def test_a_signature_holds_for_its_own_bytes_and_key_only(key: str, body: bytes, other: bytes):
    if key.startswith("whsec_"):
        key = "_" + key
    sent = headers(ID, body, [key], NOW)
    verify(sent, body, key)
    if other != body:
        with pytest.raises(webhooks.NotVerified):
            verify(sent, other, key)
    with pytest.raises(webhooks.NotVerified):
        verify(sent, body, key + "x")


def test_header_names_come_in_any_case():
    verify({name.upper(): value for name, value in headers(ID, BODY, [KEY], NOW).items()})


def test_during_a_change_of_keys_either_side_may_have_both():
    verify(headers(ID, BODY, ["old", "new"], NOW), key="new")
    verify(headers(ID, BODY, ["old"], NOW), key=["new", "old"])


@pytest.mark.parametrize("late", [-301, 301])
def test_a_request_from_another_time_is_a_replay(late: int):
    verify(headers(ID, BODY, [KEY], NOW + 299))
    with pytest.raises(webhooks.NotVerified, match="300 s away"):
        verify(headers(ID, BODY, [KEY], NOW + late))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("value", [None, "", "\udcff", "é", "v1,", "-5", "9" * 400])
def test_a_missing_or_broken_header_is_refused(name: str, value: str | None):
    sent = headers(ID, BODY, [KEY], NOW) | {name: value or ""}
    if value is None:
        del sent[name]
    with pytest.raises(webhooks.NotVerified):
        verify(sent)


def test_the_platforms_signature_alone_counts_only_where_its_reader_wants_it_to():
    sent = {name: value for name, value in headers(ID, BODY, [KEY], NOW).items() if name.startswith("Elements")}
    with pytest.raises(webhooks.NotVerified, match="webhook-id is missing"):
        verify(sent)
    verify(sent, timed=False)
    with pytest.raises(webhooks.NotVerified):
        verify(sent, key="another", timed=False)
    with pytest.raises(webhooks.NotVerified):
        verify(sent | {"webhook-signature": "v1,wrong"}, timed=False)


@pytest.mark.parametrize("key", ["", [], [""]])
def test_nothing_is_verified_without_a_key(key: str | list[str]):
    with pytest.raises(webhooks.NotVerified, match="no key"):
        verify(headers(ID, BODY, [""], NOW), key=key)


@pytest.mark.parametrize("key", ["any key", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
@pytest.mark.parametrize("library", [standardwebhooks.Webhook, svix.webhooks.Webhook])
def test_the_libraries_of_the_standard_verify_what_we_send(key: str, library: type):
    sent = headers(ID, BODY, [KEY, key], round(datetime.now(UTC).timestamp()))
    secret = key if key.startswith("whsec_") else base64.b64encode(key.encode()).decode()
    library(secret).verify(BODY, sent)
    with pytest.raises(Exception, match="No matching signature"):
        library(secret).verify(BODY + b" ", sent)


def test_the_module_needs_nothing_but_the_standard_library():
    source = Path(webhooks.__file__).read_text()
    names = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(source))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert names <= set(sys.stdlib_module_names)
