"""The conditions by which deliveries are found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.deliverywhere import Selected, read_where
from tidings.core.errors import InvalidInput
from tidings.core.model import DeliveryState


def test_the_platforms_own_condition_is_read():
    found = read_where("channel='webhook' and status='queued' and config.url='https://x.example/?a=''b'''")
    assert found == Selected("webhook", DeliveryState.QUEUED, "https://x.example/?a='b'")


@pytest.mark.parametrize("text", ["(status='retry')", "status = 'retry'", "STATUS='retry'", "'status'='retry'"])
def test_it_may_be_written_as_ceql_has_it(text: str):
    if text.startswith("STATUS"):
        with pytest.raises(InvalidInput, match="names 'STATUS'"):
            read_where(text)
        return
    assert read_where(text).state is DeliveryState.RETRY


def test_what_nothing_can_meet_is_known_as_that():
    assert read_where("status='notified'") == Selected(never=True)


@given(st.text(max_size=60).filter(lambda text: "=" not in text))
def test_any_other_text_is_refused_by_name(text: str):
    with pytest.raises(InvalidInput, match=r"^where: "):
        read_where(text)


@given(st.text(alphabet=st.characters(exclude_characters="'", exclude_categories=["Cs"]), min_size=1, max_size=60))
def test_any_address_can_be_asked_for(url: str):
    assert read_where(f"config.url='{url}'").url == url
