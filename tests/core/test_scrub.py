"""A text that anybody keeps has no secret in it, in whatever form a stranger says it back."""

from __future__ import annotations

from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st

from tidings.core.scrub import MASK, scrub

KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=4, max_size=20)


@given(KEYS, st.sampled_from([str, str.lower, str.upper, lambda key: b64encode(key.encode()).decode()]))
def test_a_secret_is_masked_in_any_letter_case_and_in_base64(key, said):
    assert key not in scrub(f"refused <{said(key)}> here", [key])
    assert said(key) not in scrub(f"refused <{said(key)}> here", [key])


@given(st.text(), st.lists(KEYS))
def test_a_text_without_a_secret_stays_as_it_is(text, keys):
    clean = "".join(letter for letter in text if letter.isspace())
    assert scrub(clean, keys) == clean


def test_of_two_secrets_the_longer_is_masked_first_and_nothing_of_it_is_left():
    assert scrub("abcdef and abc", ["abc", "abcdef", None, ""]) == f"{MASK} and {MASK}"


@given(
    st.text(st.characters(exclude_characters="*\0"), min_size=1, max_size=8), st.text(max_size=40), st.text(max_size=40)
)
def test_whatever_stands_around_it_no_secret_is_left(secret, before, after):
    assert secret not in scrub(before + secret + after, [secret]).replace(MASK, "\0")
