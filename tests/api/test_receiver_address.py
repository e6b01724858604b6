"""May notifications be sent to this address, as far as can be known when it is written?"""

from __future__ import annotations

import pytest

from tests.api.conftest import World, body

KEY = "event.notification.callback.url"
INSIDE = "https://inside.example/hook"


class Names:
    """Refuses one URL, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def refusal(self, url: str) -> str | None:
        self.asked.append(url)
        return "points at inside.example, which resolves to 10.0.0.1" if url == INSIDE else None


def callback(url: str) -> dict[str, str]:
    return {KEY: url}


async def test_a_name_that_leads_inside_is_refused_by_the_keys_name_and_nothing_is_made(world: World):
    names = Names()
    client = world.rebuilt(refuse_name=names.refusal)
    answer = await client("POST", "/instances", body(configuration=callback(INSIDE)))
    assert (answer.status, answer.message) == (
        400,
        f"configuration.{KEY}: points at inside.example, which resolves to 10.0.0.1",
    )
    assert await world.store.instances() == []
    made = await client("POST", "/instances", body(configuration=callback("https://ok.example/hook")))
    assert made.status == 200
    assert names.asked == [INSIDE, "https://ok.example/hook"]


async def test_a_change_that_leaves_the_address_as_it_was_asks_nobody(world: World):
    names = Names()
    instance = await world.instance(configuration=callback(INSIDE))
    client = world.rebuilt(refuse_name=names.refusal).with_element(instance["token"])
    path = f"/instances/{instance['id']}"
    assert (await client("PATCH", path, {"name": "Another"})).status == 200
    longer = {"configuration": {"event.poller.refresh_interval": "7"}}
    assert (await client("PATCH", path, longer)).status == 200
    assert names.asked == []
    away = {"configuration": callback("https://ok.example/hook")}
    assert (await client("PATCH", path, away)).status == 200
    back = await client("PATCH", path, {"configuration": callback(INSIDE)})
    assert (back.status, names.asked) == (400, ["https://ok.example/hook", INSIDE])


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.1/", "http://0177.0.0.1/", "http://0x7f000001/", "http://2130706433/", "http://①②⑦.0.0.1/"),
        *("http://[::ffff:10.0.0.1]/", "http://[64:ff9b::a00:1]/", "http://[64:ff9b:1::a00:1]/", "http://[::]/"),
        *("http://[2002:a00:1::]/", "http://[2001:0:1::]/", "http://[fd00:ec2::254]/", "http://localhost/"),
        *("http://169.254.169.254/", "http://100.64.0.1/", "http://0/", "http://255.255.255.255/"),
        *("http://224.0.0.1/", "http://192.0.2.1/", "http://[::7f00:1]/"),
    ],
)
async def test_an_address_of_ones_own_is_refused_however_it_is_spelt_and_no_name_server_is_asked(
    world: World, url: str
):
    names = Names()
    client = world.rebuilt(refuse_name=names.refusal)
    answer = await client("POST", "/instances", body(configuration=callback(url)))
    assert answer.status == 400
    assert answer.message.startswith(f"configuration.{KEY}: points at ")
    assert names.asked == []
