"""Names and tags: markup goes, the text stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.errors import InvalidInput
from tidings.core.naming import plain, plain_tags


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("API Instance", "API Instance"),
        ('<a href="http://x" onclick="alert(1)">xss-text</a>', "xss-text"),
        ("<b>bold</b> & plain", "bold & plain"),
        ("<<b>script>alert(1)</script>", "alert(1)"),
        ("ends <img src=x onerror=alert(1)", "ends"),
        ("a <!-- remark --> b", "a  b"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("  spaced\n", "spaced"),
        ("Grüße 🙂", "Grüße 🙂"),
    ],
)
def test_markup_is_stripped_and_the_text_is_kept(written: str, kept: str) -> None:
    assert plain(written, "name") == kept


@pytest.mark.parametrize("written", ["", "   ", "<INSTANCE_NAME>", "<b></b>", "x" * 256, "half \ud800"])
def test_a_name_without_text_is_refused_by_name(written: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        plain(written, "name")
    assert refused.value.field == "name"


def test_tags_are_plain_text_and_each_stands_once() -> None:
    assert plain_tags(["<i>a</i>", "b", "a"]) == ("a", "b")
    with pytest.raises(InvalidInput) as refused:
        plain_tags(["a", "<Add_Your_Tag>"])
    assert refused.value.field == "tags[1]"


@given(st.text(alphabet=st.sampled_from("<>/!ab \"'="), max_size=40))
def test_no_tag_is_left_and_stripping_again_changes_nothing(written: str) -> None:
    try:
        kept = plain(written, "name")
    except InvalidInput:
        return
    assert plain(kept, "name") == kept
    assert not any(f"<{letter}" in kept for letter in "ab/!")
