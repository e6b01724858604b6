"""Passwords: kept as scrypt, right only when right."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidings.core.passwords import NOBODY, hash_password, is_password

SALT = bytes(range(16))


@settings(max_examples=8, deadline=None)
@given(st.text(), st.text(), st.binary(min_size=16, max_size=16))
def test_only_the_same_password_is_right(password: str, other: str, salt: bytes) -> None:
    kept = hash_password(password, salt)
    assert is_password(password, kept)
    assert is_password(other, kept) == (other == password)


def test_the_same_password_with_another_salt_is_kept_otherwise() -> None:
    assert hash_password("a", SALT) != hash_password("a", SALT[::-1])


def test_the_kept_text_does_not_hold_the_password() -> None:
    assert "correct horse" not in hash_password("correct horse", SALT)


@pytest.mark.parametrize("kept", ["", "plain", "md5$1$2$3$4$5", "scrypt$x$8$1$AAAA$AAAA", "scrypt$16384$8$1$!$!"])
def test_a_text_that_is_no_hash_matches_nothing(kept: str) -> None:
    assert not is_password("", kept)


def test_nobody_has_a_password_and_it_is_a_real_hash() -> None:
    assert len(NOBODY.split("$")) == len(hash_password("", SALT).split("$"))
    assert not is_password("", NOBODY)
