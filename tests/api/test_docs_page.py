"""The page on which people try the API: it may do nothing that its policy does not say."""

from __future__ import annotations

import re

import pytest

from tests.api.conftest import World
from tests.api.test_errors import assert_error
from tidings.api.docs_page import ASSETS, POLICY


async def test_the_page_is_there_for_everybody_and_in_nobodys_frame(world: World):
    answer = await world.anybody("GET", "/docs-ui")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-frame-options"] == "DENY"
    assert "x-frame-options" not in (await world.client("GET", "/elements/connectwisecrmrest/docs")).headers


def test_nothing_runs_that_is_not_served_here():
    assert "unsafe" not in POLICY
    allowed = dict(each.split(" ", 1) for each in POLICY.split("; "))
    assert allowed["default-src"] == "'none'"
    assert (allowed["script-src"], allowed["style-src"], allowed["connect-src"]) == ("'self'",) * 3


async def test_the_page_has_no_script_or_style_in_itself_and_asks_nobody_else(world: World):
    page = (await world.anybody("GET", "/docs-ui")).body.decode()
    assert re.findall(r"<script(?! src=)|<style|\sstyle=|\son\w+=|javascript:|https?:", page) == []
    named = re.findall(r'(?:src|href)="docs-ui/([^"]+)"', page)
    assert sorted(named) == sorted(ASSETS)
    assert len(re.findall(r"(?:src|href)=", page)) == len(named)


@pytest.mark.parametrize("name", ASSETS)
async def test_what_the_page_consists_of_is_served(world: World, name: str):
    answer = await world.anybody("GET", f"/docs-ui/{name}")
    assert answer.status == 200
    assert answer.headers["content-type"].partition(";")[0] == ASSETS[name].kind
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.body


@pytest.mark.parametrize("name", ["index.html", "main.py", "../docs_page.py", "..%2F..%2Fapp.py", "", "x" * 500])
async def test_nothing_else_is_served(world: World, name: str):
    assert_error(await world.anybody("GET", f"/docs-ui/{name}"), 404)


async def test_secrets_stay_in_the_memory_of_the_page(world: World):
    script = (await world.anybody("GET", "/docs-ui/page.js")).body.decode()
    code = re.sub(r"//.*", "", script)
    assert not re.search(r"localStorage|sessionStorage|cookie|location\.(hash|search|href)|innerHTML|eval", code)
    assert "headers.Authorization" in code
    page = (await world.anybody("GET", "/docs-ui")).body.decode()
    assert page.count('type="password" autocomplete="off"') == 3
