"""Which headers and logins may be sent to a receiver?"""

from __future__ import annotations

import pytest

from tidings.core.errors import InvalidInput
from tidings.core.receiver import check_basic, check_headers, read_headers
from tidings.core.subscription import Basic, SigningKey, rotated


@pytest.mark.parametrize(
    "given",
    [
        {"Host": "x"},
        {"transfer-encoding": "chunked"},
        {"Content-Type": "text/plain"},
        {"webhook-signature": "v1,x"},
        {"Elements-Webhook-Id": "x"},
        {"Tidings-Replay": "1"},
        {"X-A": "canary\r\nX-B: c"},
        {"X-A": "canary\n"},
        {"X-A": "canaryé"},
        {"X-A": 5},
        {"X A": "canary"},
        {"": "canary"},
        {"X-A": "canary" * 1000},
        {"X-A": "1", "x-a": "2"},
        {f"X-{nth}": "canary" for nth in range(21)},
    ],
)
def test_a_header_that_must_not_be_sent_is_refused_by_name_without_its_value(given: dict[str, object]):
    with pytest.raises(InvalidInput, match=r"config\.headers") as refused:
        check_headers(given, "config.headers")
    assert "canary" not in str(refused.value)


def test_headers_come_as_a_json_object():
    assert read_headers('{"X-Api-Key":"a b","Authorization":"Bearer x"}', "f") == {
        "X-Api-Key": "a b",
        "Authorization": "Bearer x",
    }
    assert read_headers(None, "f") == {}
    for text in ("[]", "no", '"x"'):
        with pytest.raises(InvalidInput, match="is no JSON object"):
            read_headers(text, "f")


def test_a_login_is_a_name_without_a_colon_and_excludes_a_header_of_the_same_kind():
    assert check_basic("me", "p:w", "f.") == Basic("me", "p:w")
    assert check_basic(None, None, "f.") is None
    for username, password, headers in (
        ("a:b", "x", {}),
        (None, "x", {}),
        ("me", "x\n", {}),
        ("me", "x", {"authorization": "y"}),
    ):
        with pytest.raises(InvalidInput, match=r"f\.username"):
            check_basic(username, password, "f.", headers)


def test_a_key_that_is_replaced_signs_on_until_its_end_and_no_longer():
    first = rotated((), "a", 0)
    second = rotated(first, "b", 1000, 60)
    assert second == (SigningKey("a", 61_000), SigningKey("b"))
    assert rotated(second, "b", 2000, 60) == second
    assert rotated(second, "c", 2000, 10) == (SigningKey("a", 61_000), SigningKey("b", 12_000), SigningKey("c"))
    assert rotated(second, "c", 70_000) == (SigningKey("c"),)
    assert rotated(second, "a", 2000, 10) == (SigningKey("b", 12_000), SigningKey("a"))
    assert rotated(second, None, 2000, 10) == ()
