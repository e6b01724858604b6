"""What a provider's answer means, by table."""

from __future__ import annotations

import json

import pytest

from tidings.core.errors import (
    CredentialsRefused,
    PermissionDenied,
    ProviderDown,
    ProviderError,
    ProviderRefused,
    RateLimited,
    RecordNotFound,
)
from tidings.elements.answer import MESSAGE_CAP, Answer, failure, http_date, provider_message, retry_after

NOW = http_date("Wed, 25 Nov 2026 12:00:00 GMT")
assert NOW is not None


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, NOW or 0)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (204, ProviderDown),
        (301, ProviderRefused),
        (302, ProviderDown),
        (304, ProviderDown),
        (308, ProviderRefused),
        (400, ProviderRefused),
        (401, CredentialsRefused),
        (403, ProviderDown),
        (404, ProviderRefused),
        (405, ProviderRefused),
        (408, RateLimited),
        (409, ProviderRefused),
        (414, ProviderRefused),
        (418, ProviderRefused),
        (429, RateLimited),
        (500, ProviderDown),
        (502, ProviderDown),
        (503, ProviderDown),
        (599, ProviderDown),
        (999, ProviderDown),
    ],
)
def test_a_status_says_what_to_do_next(status: int, kind: type[ProviderError]) -> None:
    error = failure(answer(status), purpose="reading contacts")
    assert type(error) is kind
    assert error.status == status
    assert str(error).startswith(f"reading contacts: the provider answered {status}")


def test_a_200_is_no_failure() -> None:
    assert failure(answer(200, b"[]"), purpose="reading contacts") is None


def test_a_record_is_missing_only_when_the_provider_itself_says_so() -> None:
    missing = answer(404, b'{"code":"NotFound","message":"Contact 57919 not found"}')
    error = failure(missing, purpose="reading contacts 57919", by_id=True)
    assert type(error) is RecordNotFound
    assert error.provider_message == "Contact 57919 not found"
    page = answer(404, b"<html><title>404 Not Found</title></html>")
    assert type(failure(page, purpose="reading contacts 57919", by_id=True)) is ProviderRefused
    assert type(failure(missing, purpose="reading contacts")) is ProviderRefused


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (
            b'{"code":"Security","message":"You do not have security permission.","errors":null}',
            PermissionDenied,
        ),
        (b"<html><title>Request blocked</title></html>", ProviderDown),
        (b'{"message":"Forbidden"}', ProviderDown),
        (b'{"code":1020,"message":"Access denied"}', ProviderDown),
        (b'"Forbidden"', ProviderDown),
        (b"", ProviderDown),
    ],
)
def test_a_403_is_about_permissions_only_when_the_provider_itself_says_it(
    body: bytes, kind: type[ProviderError]
) -> None:
    assert type(failure(answer(403, body), purpose="reading contacts")) is kind


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30.0),
        (" 30 ", 30.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("3601", 3600.0),
        ("9999999999", 3600.0),
        ("9" * 5000, 3600.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600.0),
        ("Wed, 25 Nov 2026 12:00:30 GMT", 30.0),
        ("Wed, 25 Nov 2026 11:00:00 GMT", 0.0),
        ("Wednesday, 25-Nov-26 12:00:30 GMT", 30.0),
        ("-5", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("٣", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_forms(text: str, seconds: float | None) -> None:
    assert retry_after(answer(429, Retry_After=text)) == seconds
    error = failure(answer(429, Retry_After=text), purpose="reading contacts")
    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


def test_a_server_in_maintenance_says_how_long() -> None:
    error = failure(answer(503, Retry_After="120"), purpose="reading contacts")
    assert isinstance(error, ProviderDown)
    assert error.retry_after == 120.0


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            b'{"code":"InvalidObject","message":"contact object is invalid","errors":[{"code":"MissingRequiredField",'
            b'"message":"The firstName field is required.","resource":"contact","field":"firstName"}]}',
            "contact object is invalid; The firstName field is required.",
        ),
        (
            b'{"code":"ApiFindCondition","message":"invoiceDate is not a recognized name.","errors":null}',
            "invoiceDate is not a recognized name.",
        ),
        (
            b'{"error":"ConnectWiseAPI","message":"Too many requests. Please try again in 30 seconds."}',
            "Too many requests. Please try again in 30 seconds.",
        ),
        (b"Cannot route. Codebase/company is invalid", "Cannot route. Codebase/company is invalid"),
        (b"<html><head><title>502 Bad\n Gateway</title></head><body>x</body></html>", "502 Bad Gateway"),
        (
            b"<p>Request URI <b>Too Long</b></p><script>var a = 1 < 2</script>",
            "Request URI Too Long",
        ),
        (b'"just a string"', "just a string"),
        (b'{"code":"X","errors":["odd",{"message":7}]}', None),
        (b"[1,2]", None),
        (b"", None),
        (b"\xff\xfe\x00", "\ufffd\ufffd\x00"),
    ],
)
def test_the_providers_own_words_are_found(body: bytes, said: str | None) -> None:
    assert provider_message(answer(400, body)) == said


def test_a_refusal_names_the_members_that_the_provider_complained_of() -> None:
    said = [{"message": "Unknown value", "field": "level"}, {"message": "The name field is required.", "field": "name"}]
    errors = [*said, said[0], {"field": None}, 7]
    body = json.dumps({"code": "X", "message": "it is invalid", "errors": errors}).encode()
    error = failure(answer(400, body), purpose="creating callbacks")
    assert isinstance(error, ProviderRefused)
    assert error.provider_message == "it is invalid; level: Unknown value; The name field is required."
    assert error.fields == ("level", "name")
    for nothing in (b"[]", b"<html>", b'{"errors":7}', b"["):
        refused = failure(answer(400, nothing), purpose="creating callbacks")
        assert isinstance(refused, ProviderRefused)
        assert refused.fields == ()


def test_long_words_are_cut() -> None:
    said = provider_message(answer(400, b"x" * 10_000))
    assert said is not None
    assert len(said) == MESSAGE_CAP


def test_a_secret_never_comes_back_in_a_message() -> None:
    body = b'{"message":"login acme+pub1:priv-SECRET failed for YWNtZQ=="}'
    error = failure(answer(401, body), purpose="checking", secrets=["priv-SECRET", "SECRET", "YWNtZQ==", ""])
    assert error is not None
    for text in (str(error), error.provider_message or ""):
        assert "SECRET" not in text
        assert "YWNtZQ" not in text
        assert "acme+pub1:" in text


def test_a_redirect_names_its_target_without_the_query() -> None:
    error = failure(answer(301, Location="https://elsewhere/apis/3.0?token=abc"), purpose="reading contacts")
    assert error is not None
    assert "https://elsewhere/apis/3.0," in str(error)
    assert "abc" not in str(error)


@pytest.mark.parametrize("text", [None, "", "yesterday", "Thu, 99 Foo 2026 99:99:99 GMT", "0"])
def test_what_is_no_http_date_has_no_moment(text: str | None) -> None:
    assert http_date(text) is None


def test_an_http_date_without_a_zone_is_utc() -> None:
    assert http_date("Thu, 01 Jan 1970 00:00:10 -0000") == 10_000
