"""Can a receiver tell ours from others?"""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.signing import headers, platform_signature, verify


def test_the_signature_is_the_known_one_of_rfc_4231():
    expected = bytes.fromhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    signature = platform_signature("Jefe", b"what do ya want for nothing?")
    assert signature == "sha256=" + base64.b64encode(expected).decode()


def test_a_key_beyond_ascii_is_taken_as_utf_8():
    expected = base64.b64encode(hmac.new("schlüssel".encode(), b"{}", hashlib.sha256).digest()).decode()
    assert platform_signature("schlüssel", b"{}") == f"sha256={expected}"


def test_the_headers_carry_type_id_and_signature():
    assert headers("AWVX9OTIhdQRdI1F7Q7v", b"{}", "key") == {
        "Content-Type": "application/json",
        "Elements-Webhook-Id": "AWVX9OTIhdQRdI1F7Q7v",
        "Elements-Webhook-Signature": platform_signature("key", b"{}"),
    }


@pytest.mark.parametrize("key", [None, ""])
def test_without_a_key_nothing_pretends_to_be_a_signature(key: str | None):
    assert headers("id", b"{}", key) == {"Content-Type": "application/json", "Elements-Webhook-Id": "id"}


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.binary(), st.binary())
def test_a_signature_holds_for_its_own_body_and_key_only(key: str, body: bytes, other: bytes):
    signature = platform_signature(key, body)
    assert verify(key, body, signature)
    assert verify(key, other, signature) == (other == body)
    assert not verify(key + "x", body, signature)


@pytest.mark.parametrize("signature", [None, "", "sha256=", "sha1=abc", "sha256=é", "\udcff"])
def test_a_missing_or_broken_signature_is_refused(signature: str | None):
    assert not verify("key", b"{}", signature)


def test_nothing_is_verified_by_an_empty_key():
    assert not verify("", b"{}", platform_signature("", b"{}"))
