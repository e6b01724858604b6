"""Rules for passwords: what a password lacks, and which rules can be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.errors import InvalidInput
from tidings.core.passwordpolicy import (
    DAY,
    LONGEST,
    NAMES,
    PasswordPolicy,
    Whose,
    check,
    has_expired,
    lacking,
    policy_of,
    shown,
)

ADA = Whose("Augusta", "Lovelace", "ada@example.com")
GOOD = "Engine-1842x"


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("Aa1-", "at least"),
        ("Engine-Engine", "numeric"),
        ("engine-1842x", "uppercase"),
        ("ENGINE-1842X", "lowercase"),
        ("Engine1842xx", "special character"),
        ("xAugusta-1842", "first name"),
        ("xlovelacE-1842", "last name"),
        ("Ada-is-1842", "username"),
        ("x1-ADA@example.com", "username"),
    ],
)
def test_a_bad_password_is_refused_in_the_words_that_clients_look_for(password: str, words: str):
    with pytest.raises(InvalidInput) as refused:
        check(password, PasswordPolicy(), ADA)
    assert words in str(refused.value)
    assert refused.value.field == "password"
    assert password not in str(refused.value)


def test_a_good_password_lacks_nothing():
    assert lacking(GOOD, PasswordPolicy(), ADA) == []


def test_everything_that_is_wrong_is_said_at_once():
    assert len(lacking("ada", PasswordPolicy(), ADA)) == 5


@pytest.mark.parametrize("password", ["Aa1-" * 51, "Engine-\x001842", "Engine-\ud8001842"])
def test_what_cannot_be_kept_is_refused(password: str):
    with pytest.raises(InvalidInput):
        check(password, PasswordPolicy(), ADA)


def test_a_short_name_may_be_in_a_password():
    assert lacking("Engine-1842", PasswordPolicy(), Whose("E", "Ng", "i@x.example")) == []


def test_only_the_organizations_own_symbols_count():
    assert lacking("Engine-1842", PasswordPolicy(symbols="!?"), ADA) == ["at least 1 special character of !?"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("minLength", 7),
        ("minLength", LONGEST + 1),
        ("minLength", "8"),
        ("minLength", True),
        ("minLength", 8.0),
        ("minUppercase", -1),
        ("minLowercase", 11),
        ("minNumbers", 10**30),
        ("minSymbols", [1]),
        ("previousPasswordCount", 10),
        ("previousPasswordCount", -1),
        ("expirationDays", -1),
        ("symbolCharacterSet", "abc"),
        ("symbolCharacterSet", " !"),
        ("symbolCharacterSet", "\x00"),
        ("symbolCharacterSet", "é"),
        ("symbolCharacterSet", 7),
        ("symbolCharacterSet", ""),
    ],
)
def test_a_rule_that_cannot_be_is_refused_by_name(name: str, value: object):
    with pytest.raises(InvalidInput) as refused:
        policy_of({name: value})
    assert refused.value.field == name


def test_rules_are_shown_as_they_were_written():
    written = {
        "minLength": 12,
        "minUppercase": 0,
        "minLowercase": 10,
        "minNumbers": 2,
        "minSymbols": 0,
        "symbolCharacterSet": "!?",
        "previousPasswordCount": 9,
        "expirationDays": 90,
    }
    assert written.keys() == NAMES.keys()
    assert shown(policy_of(written)) == written
    assert policy_of({"surplus": 1, "minLength": None}) == PasswordPolicy()


@given(st.text(max_size=30), st.integers(0, 10), st.integers(0, 10), st.integers(0, 10), st.integers(0, 10))
def test_a_password_that_lacks_nothing_has_what_is_asked_for(
    password: str, upper: int, lower: int, numbers: int, symbols: int
):
    policy = PasswordPolicy(8, upper, lower, numbers, symbols, "-!")
    enough = (
        len(password) >= 8
        and sum(c.isupper() for c in password) >= upper
        and sum(c.islower() for c in password) >= lower
        and sum(c.isdecimal() for c in password) >= numbers
        and sum(c in "-!" for c in password) >= symbols
    )
    assert (lacking(password, policy, Whose("", "", "")) == []) == enough


def test_a_password_expires_when_its_days_are_over():
    assert not has_expired(0, PasswordPolicy(expires_after=30), 30 * DAY - 1)
    assert has_expired(0, PasswordPolicy(expires_after=30), 30 * DAY)
    assert not has_expired(0, PasswordPolicy(), 10**15)
