"""Are we kept from connecting to what a stranger has no business reaching?"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.addresses import LOOPBACK_ONLY, AddressPolicy, literal_address, networks
from tidings.core.errors import InvalidInput

PUBLIC = AddressPolicy()
PRIVATE = AddressPolicy(allow_private=True)

LOCAL = [
    "127.0.0.1",
    "127.255.255.254",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "198.18.0.1",
    "::1",
    "fd00:ec2::254",
    "fc00::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "64:ff9b::10.0.0.1",
    "2002:7f00:1::",
    "2002:c0a8:101::1",
]
NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "203.0.113.9",
    "::",
    "::7f00:1",
    "::ffff:0.0.0.0",
    "::ffff:255.255.255.255",
    "64:ff9b::224.0.0.1",
    "64:ff9b:1::10.0.0.1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:e000:1::",
    "3fff::1",
    "100::1",
    "5f00::1",
    "ff02::1",
    "not an address",
    "",
    "127.1",
]
OPEN = [
    "8.8.8.8",
    "100.128.0.1",
    "172.32.0.1",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
]


@pytest.mark.parametrize("address", LOCAL)
def test_a_local_address_is_refused_unless_private_networks_are_allowed(address: str):
    assert not PUBLIC.permits(address)
    assert PRIVATE.permits(address)


@pytest.mark.parametrize("address", NEVER)
def test_an_address_that_is_nobodys_is_refused_always(address: str):
    assert not PUBLIC.permits(address)
    assert not PRIVATE.permits(address)


@pytest.mark.parametrize("address", OPEN)
def test_a_public_address_is_permitted(address: str):
    assert PUBLIC.permits(address)
    assert LOOPBACK_ONLY.permits(address)


def test_a_listed_network_is_open_and_nothing_beside_it():
    policy = AddressPolicy(allowed_networks=networks(["10.1.0.0/16", "192.0.2.1", "fd00::/8"]))
    assert all(map(policy.permits, ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "192.0.2.1", "fd00::1"]))
    assert not any(map(policy.permits, ["10.2.0.1", "127.0.0.1", "192.0.2.2", "fe80::1", "::1"]))


def test_a_network_that_cannot_be_read_is_refused_by_name():
    with pytest.raises(InvalidInput, match=r"^TIDINGS_ALLOWED_NETWORKS: '10\.0\.0\.0/99' is not a network"):
        networks(["10.0.0.0/8", "10.0.0.0/99"])


def test_the_demo_opens_loopback_alone():
    assert all(map(LOOPBACK_ONLY.permits, ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"]))
    assert not any(map(LOOPBACK_ONLY.permits, ["10.0.0.1", "169.254.169.254", "0.0.0.0", "fe80::1"]))


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_no_dress_makes_a_refused_ipv4_address_acceptable(address: IPv4Address):
    permitted = PUBLIC.permits(str(address))
    six = [f"::ffff:{address}", f"64:ff9b::{address}", str(IPv6Address((0x2002 << 112) | int(address) << 80))]
    assert [PUBLIC.permits(dressed) for dressed in six] == [permitted] * 3


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/events",
        "http://example.com:8080/a?b=c#d",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "https://münchen.example/",
        "HTTPS://EXAMPLE.COM.",
        "http://intranet/hook",
        "http://12monkeys.example/",
        "http://1.2.3.4.5/",
    ],
)
def test_a_url_that_dns_has_to_judge_passes(url: str):
    assert PUBLIC.check_url(url) is None


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[fe80::1%25eth0]",
        "localhost",
        "LocalHost.",
        "a.localhost",
        "ip6-loopback",
        "169.254.169.254",
        "metadata.google.internal",
        "10.0.0.1:8443",
    ],
)
def test_a_host_that_spells_a_local_address_is_refused_in_every_spelling(host: str):
    reason = PUBLIC.check_url(f"http://{host}/hook")
    assert reason is not None
    assert "TIDINGS_ALLOW_PRIVATE_NETWORKS" in reason
    assert PRIVATE.check_url(f"http://{host}/hook") is None


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "must not be empty"),
        ("example.com/hook", "must begin with http:// or https://"),
        ("ftp://example.com/", "must begin with http:// or https://"),
        ("file:///etc/passwd", "must begin with http:// or https://"),
        ("javascript:alert(1)", "must begin with http:// or https://"),
        ("http://", "must name a host"),
        ("http:///hook", "must name a host"),
        ("http://example.com:0/", "from 1 to 65535"),
        ("http://example.com:99999/", "cannot be read"),
        ("http://[::1/", "cannot be read"),
        ("http://user:secret@example.com/", "must not carry a user name"),
        ("http://@example.com/", "must not carry a user name"),
        ("http://example.com\\@127.0.0.1/", "must not contain spaces"),
        ("http://exa mple.com/", "must not contain spaces"),
        ("http://example.com/\n", "must not contain spaces"),
        ("http://127%2e0%2e0%2e1/", "host that cannot be read"),
    ],
)
def test_a_url_that_we_could_never_post_to_is_refused_with_what_to_write_instead(url: str, says: str):
    for policy in (PUBLIC, PRIVATE):
        reason = policy.check_url(url)
        assert reason is not None
        assert says in reason
        assert "secret" not in reason


def spellings(value: int) -> list[str]:
    """One address in each of the forms that the C library takes."""
    a, b, c, d = value.to_bytes(4)
    return [
        f"{value}",
        f"{value:#x}",
        f"0{value:o}",
        f"{a}.{value & 0xFFFFFF}",
        f"{a:#x}.{b}.{value & 0xFFFF:#x}",
        f"0{a:o}.{b:#x}.{c}.{d}",
    ]


@given(st.integers(0, 2**32 - 1), st.integers(0, 5))
def test_an_address_is_read_as_the_c_library_reads_it(value: int, form: int):
    text = spellings(value)[form]
    assert literal_address(text) == IPv4Address(socket.inet_aton(text)) == IPv4Address(value)


@given(st.text(alphabet="0123456789abfx.", min_size=1, max_size=14))
def test_nothing_that_the_c_library_takes_for_an_address_passes_as_a_name(text: str):
    try:
        meant = IPv4Address(socket.inet_aton(text))
    except OSError:
        return
    assert literal_address(text) == meant


@given(st.text(max_size=40).map(lambda rest: "http://" + rest) | st.text(max_size=40))
def test_any_text_at_all_gets_an_answer(text: str):
    reason = PUBLIC.check_url(text)
    assert reason is None or reason
