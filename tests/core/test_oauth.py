"""The rules of OAuth: addresses, consent, what a token answer says and when a token is renewed."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.errors import InvalidInput
from tidings.core.instanceconfig import Configuration
from tidings.core.model import Grant
from tidings.core.oauth import (
    address,
    challenge,
    consent_url,
    error_in,
    granted,
    is_due,
    is_live,
    read_tokens,
    verifier,
    without_grant,
)

NOW = 1_790_000_000_000


def test_an_address_is_filled_with_what_the_instance_says() -> None:
    values = {"site": " acme.example.com ", "base": "https://h/api/"}
    assert address("https://{site}/oauth", values.get) == "https://acme.example.com/oauth"
    assert address("{base}/token", values.get) == "https://h/api/token"


@pytest.mark.parametrize("site", [None, "", "a b", "u@h", "h:x", "\x00"])
def test_what_makes_no_address_is_refused_by_the_name_the_caller_wrote(site: str | None) -> None:
    with pytest.raises(InvalidInput) as caught:
        address("https://{site.address}/oauth", {"site.address": site}.get, lambda key: "siteAddress")
    assert caught.value.field == "siteAddress"


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(st.dictionaries(WORDS, WORDS, max_size=5))
def test_every_parameter_comes_out_of_the_consent_page_as_it_went_in(parameters: dict[str, str]) -> None:
    url = consent_url("https://h/authorize#part", parameters)
    assert dict(parse_qsl(urlsplit(url).query, keep_blank_values=True)) == parameters
    assert urlsplit(url).fragment == "part"


def test_a_verifier_is_as_long_as_it_must_be_and_its_challenge_is_that_of_the_standard() -> None:
    assert len(verifier(bytes(32))) == 43
    assert challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_a_token_is_renewed_a_margin_before_its_end() -> None:
    tokens = read_tokens(b'{"access_token":"a","refresh_token":"r","expires_in":3600}', NOW, margin=300)
    assert (tokens.access, tokens.refresh, tokens.lifetime) == ("a", "r", 3600)
    assert not is_due(tokens, NOW + 3_299_999)
    assert is_due(tokens, NOW + 3_300_000)
    assert is_live(tokens, NOW + 3_599_999)
    assert not is_live(tokens, NOW + 3_600_000)


def test_one_that_lives_shorter_than_the_margin_is_renewed_when_half_of_it_is_over() -> None:
    tokens = read_tokens(b'{"access_token":"a","refresh_token":"r","expires_in":"60"}', NOW, margin=300)
    assert tokens.renew_at == NOW + 30_000


def test_without_a_new_refresh_token_the_old_one_goes_on_and_without_any_nothing_is_renewed() -> None:
    assert read_tokens(b'{"access_token":"a"}', NOW, margin=300, refresh="old").refresh == "old"
    alone = read_tokens(b'{"access_token":"a"}', NOW, margin=300, lifetime=60)
    assert (alone.refresh, alone.lifetime, is_due(alone, NOW * 2)) == (None, 60, False)


@pytest.mark.parametrize("span", ["null", "0", "-1", '""', '"soon"', "true", "[]", "1e400", "NaN"])
def test_a_span_that_is_none_is_what_the_configuration_says(span: str) -> None:
    body = b'{"access_token":"a","expires_in":%s}' % span.encode()
    if span in ("NaN", "1e400"):  # no JSON
        with pytest.raises(ValueError, match="is no JSON object"):
            read_tokens(body, NOW, margin=0, lifetime=77)
    else:
        assert read_tokens(body, NOW, margin=0, lifetime=77).lifetime == 77


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"\xff", b"[" * 100_000, b"{}", b'{"access_token":1}', b'{"access_token":""}'),
        b'{"access_token":"a\\r\\nX-Evil: 1"}',
        b'{"access_token":"a","refresh_token":7}',
    ],
)
def test_an_answer_that_is_no_token_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^(is|has) "):
        read_tokens(body, NOW, margin=0)


@given(st.binary(max_size=60))
def test_what_is_no_answer_is_refused_and_no_error_of_ours(body: bytes) -> None:
    assert error_in(body) is None
    with pytest.raises(ValueError, match=r"^(is|has) "):
        read_tokens(body, NOW, margin=0)


def test_a_refusal_is_read_in_its_own_words() -> None:
    assert error_in(b'{"error":"invalid_grant","error_description":"Token used"}') == ("invalid_grant", "Token used")
    assert error_in(b'{"error":"invalid_grant","error_description":5}') == ("invalid_grant", "")
    assert error_in(b'{"error":{"code":5}}') is None
    assert error_in(b"<html>") is None


def test_what_a_grant_says_stands_in_the_configuration_and_is_no_part_of_it() -> None:
    tokens = read_tokens(b'{"access_token":"a","refresh_token":"r","expires_in":60}', NOW, margin=0)
    own = Configuration({"company": "acme"}, {"oauth.api.secret": "s"})
    seen = granted(own, Grant(tokens, 1))
    assert seen.secrets == {"oauth.api.secret": "s", "oauth.user.token": "a", "oauth.user.refresh_token": "r"}
    assert seen.values["oauth.user.refresh_time"] == str(NOW)
    assert seen.values["oauth.user.refresh_interval"] == "60"
    assert without_grant(seen).secrets == own.secrets
    assert "'r'" not in repr(tokens)
    assert granted(own, None) is own
