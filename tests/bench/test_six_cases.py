"""Does Tidings catch all six changes that pollers lose, and would the bench say so if it did not?"""

from __future__ import annotations

import pytest
from bench.account import Provider
from bench.cases import CASES, Verdict, judge
from bench.peers.install import NotInstalled, installed
from bench.six_cases import compared, of_tidings


async def test_six_of_six_changes_that_pollers_lose_are_caught_and_nothing_is_sent_again():
    async with Provider().serving() as provider:
        verdicts = await of_tidings(provider, core=set())
    assert verdicts == {case.letter: Verdict(caught=True, repeats=0) for case in CASES}


def test_a_change_that_was_not_sent_is_missed_and_what_was_sent_twice_is_counted():
    wanted = frozenset({(6, "a")})
    assert judge(wanted, [(1, "a"), (2, "a"), (1, "a"), (1, "b")]) == Verdict(caught=False, repeats=1)
    assert judge(wanted, [(1, "a"), (6, "a")]) == Verdict(caught=True, repeats=0)


def test_a_poller_that_cannot_be_installed_says_why(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(NotInstalled, match=r"No matching distribution found for no-such-poller==1\.0"):
        installed("no-such-poller==1.0", tmp_path)


def test_a_poller_that_is_not_installed_leaves_its_column_empty_and_judges_the_others():
    verdicts = {case.letter: Verdict(caught=case.letter != "D", repeats=0) for case in CASES}
    head, *lines, why = compared({"Tidings": verdicts, "other": "not installed: no network"})
    assert head.split() == ["Tidings", "other"]
    assert [line.split()[-4:] for line in lines[2:4]] == [
        ["caught,", "0", "again", "-"],
        ["MISSED,", "0", "again", "-"],
    ]
    assert why == "other: not installed: no network"
