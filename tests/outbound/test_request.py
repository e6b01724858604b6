"""Is what is sent what was meant, and nothing else whatever is in it?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.outbound.receivers import answering, receiver
from tidings.core.addresses import LOOPBACK_ONLY
from tidings.outbound.pool import ConnectionPool
from tidings.outbound.request import UnreadableUrl, head, target
from tidings.outbound.sender import Sender

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
TO = target("https://hook.example/events")


def test_a_request_is_these_bytes():
    to = target("http://hook.example:8080/a/../b%2f?x=%2F&y#part")
    assert (
        head(to, {"Content-Type": "application/json", "X-Key": "ü"}, 7)
        == (
            "POST /a/../b%2f?x=%2F&y HTTP/1.1\r\nHost: hook.example:8080\r\n"
            "User-Agent: Tidings\r\nAccept: */*\r\nAccept-Encoding: identity\r\n"
            "Content-Type: application/json\r\nX-Key: ü\r\nContent-Length: 7\r\n\r\n"
        ).encode()
    )


@pytest.mark.parametrize(
    ("url", "host", "port", "begin"),
    [
        ("https://Hook.Example", "Hook.Example", 443, "POST / HTTP/1.1\r\nHost: Hook.Example\r\n"),
        ("http://hook.example:80?q", "hook.example", 80, "POST /?q HTTP/1.1\r\nHost: hook.example\r\n"),
        ("https://hook.example.:8443/", "hook.example.", 8443, "POST / HTTP/1.1\r\nHost: hook.example:8443\r\n"),
        ("http://[::1]:8080/", "::1", 8080, "POST / HTTP/1.1\r\nHost: [::1]:8080\r\n"),
        ("http://bücher.example/é x", "xn--bcher-kva.example", 80, "POST /%C3%A9%20x HTTP/1.1\r\nHost: xn--bcher"),
    ],
)
def test_a_url_says_where_to_go_and_what_to_ask_for(url: str, host: str, port: int, begin: str):
    to = target(url)
    assert (to.host, to.port, to.is_tls) == (host, port, url.startswith("https"))
    assert to.begin.startswith(begin)


@pytest.mark.parametrize(
    "url",
    [
        *("", "hook.example", "ftp://hook.example/", "http://", "http://[::1/", "http://hook.example:99999/"),
        *("http://2130706433/", "http://127.1/", "http://0177.0.0.1/", "http://user:word@hook.example/"),
    ],
)
def test_what_nothing_can_be_posted_to_is_refused(url: str):
    with pytest.raises(UnreadableUrl):
        target(url)


def test_what_the_caller_says_itself_is_not_said_twice():
    sent = head(TO, {"user-agent": "mine", "ACCEPT": "text/plain"}, 0).lower()
    assert sent.count(b"\r\nuser-agent: ") == sent.count(b"\r\naccept: ") == 1
    assert b"\r\nuser-agent: mine\r\n" in sent


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\n", "\rb", "a\0"])
def test_a_value_cannot_begin_another_line_and_is_not_told(value: str):
    with pytest.raises(ValueError, match=r"'X-Key' has a line break or a null in its value$"):
        head(TO, {"X-Other": "fine", "X-Key": value}, 0)


@pytest.mark.parametrize(
    "name", ["", "a b", "a:", "a\r\nb", "Host", "content-length", "Transfer-Encoding", "CONNECTION"]
)
def test_a_name_cannot_begin_another_line_nor_say_where_the_body_ends(name: str):
    with pytest.raises(ValueError, match="cannot be the name of a header"):
        head(TO, {name: "1"}, 0)


@given(st.text(), st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=4), st.integers(0, 10**9))
def test_a_head_that_is_made_has_a_line_for_each_header_and_no_more(path: str, headers: dict[str, str], length: int):
    try:
        made = head(target("http://hook.example/" + path), headers, length)
    except ValueError:
        return
    lines = made.split(b"\r\n")
    assert len(lines) == 6 + len(headers) + 2 - sum(name.lower() in ("accept", "user-agent") for name in headers)
    assert lines[0].count(b" ") == 2
    assert lines[-3:] == [b"Content-Length: %d" % length, b"", b""]
    assert made.count(b"\n") == made.count(b"\r") == len(lines) - 1
    assert b"\0" not in made


async def test_what_must_not_be_sent_is_a_failure_that_reaches_nobody():
    seen: list[tuple[bytes, bytes]] = []
    async with receiver(answering(OK, seen)) as port, ConnectionPool(LOOPBACK_ONLY) as pool:
        outcome = await Sender(pool).send(f"http://127.0.0.1:{port}/", {"X-Key": "secret\r\nX: y"}, b"{}")
    assert (outcome.status, seen) == (None, [])
    assert outcome.error == "ValueError: the header 'X-Key' has a line break or a null in its value"
