"""Can a receiver tell ours from others?"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.errors import InvalidInput
from tidings.core.signing import check_key, headers, platform_signature, standard_signature

TEXT = st.text(st.characters(codec="utf-8"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)


def test_the_platforms_signature_is_the_known_one_of_rfc_4231():
    expected = bytes.fromhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    signature = platform_signature("Jefe", b"what do ya want for nothing?")
    assert signature == "sha256=" + base64.b64encode(expected).decode()


def test_a_key_beyond_ascii_is_taken_as_utf_8():
    expected = base64.b64encode(hmac.new("schlüssel".encode(), b"{}", hashlib.sha256).digest()).decode()
    assert platform_signature("schlüssel", b"{}") == f"sha256={expected}"


def test_the_standard_signature_is_the_example_of_its_specification():
    key, said = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    signature = standard_signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, said)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_headers_carry_type_id_time_and_both_signatures():
    assert headers("AWVX9OTIhdQRdI1F7Q7v", b"{}", ["key"], 1_700_000_000) == {
        "Content-Type": "application/json",
        "Elements-Webhook-Id": "AWVX9OTIhdQRdI1F7Q7v",
        "Elements-Webhook-Signature": platform_signature("key", b"{}"),
        "webhook-id": "AWVX9OTIhdQRdI1F7Q7v",
        "webhook-timestamp": "1700000000",
        "webhook-signature": standard_signature("key", "AWVX9OTIhdQRdI1F7Q7v", 1_700_000_000, b"{}"),
    }


def test_while_keys_are_changed_the_platforms_header_has_the_first_and_the_other_has_both():
    sent = headers("id", b"{}", ["old", "new"], 5)
    assert sent["Elements-Webhook-Signature"] == platform_signature("old", b"{}")
    assert sent["webhook-signature"].split() == [standard_signature(key, "id", 5, b"{}") for key in ("old", "new")]


def test_without_a_key_nothing_pretends_to_be_a_signature():
    assert not [name for name in headers("id", b"{}", (), 5) if "signature" in name.lower()]


@given(JSON, st.booleans())
def test_what_is_signed_is_the_bytes_whatever_they_say(value: object, sort: bool):
    body = json.dumps(value, sort_keys=sort, ensure_ascii=sort).encode("utf-8", "surrogatepass")
    signed = headers("id", body, ["key"], 5)
    assert signed == headers("id", bytes(body), ["key"], 5)
    changed = headers("id", body + b" ", ["key"], 5)
    assert all(changed[name] != signed[name] for name in signed if "ignature" in name)


def test_a_standard_key_that_is_no_base64_is_refused_by_name():
    check_key("event.notification.signature.key", "any text")
    check_key("event.notification.signature.key", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    with pytest.raises(InvalidInput, match=r"event\.notification\.signature\.key.*base64"):
        check_key("event.notification.signature.key", "whsec_not base64!")
