"""What is written through the hub is found by the poller like anybody else's change, once."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.receiver import Receiver
from tests.hints.served import Tidings, until
from tidings.sandbox import SandboxConfig, build


async def test_a_record_written_through_the_hub_is_announced_once_at_each_step(tmp_path: Path) -> None:
    receiver = Receiver()
    receiving = await receiver.start()

    async def told(count: int) -> list[tuple[str, str]]:
        async def arrived() -> bool:
            return len(receiver.events()) >= count

        await until(arrived)
        return [(event["eventType"], event["objectId"]) for event in receiver.events()]

    try:
        async with await build(SandboxConfig(contacts=20, companies=5, tickets=5, seed=7)).start() as sandbox:
            tidings = Tidings(tmp_path / "data", sandbox, receiver)
            async with tidings.running():
                often = dict.fromkeys(("event.poller.refresh_interval", "event.poller.sweep_interval"), "0.02")
                made = await tidings.instance(**{"event.poller.hints": False}, **often)
                await tidings.log.until("poll.finished", reading="baseline", resource="contacts")
                hub = {"Authorization": f"{tidings.user}, Element {made['token']}"}
                status, ada = await tidings.call("POST", "/hubs/crm/contacts", {"firstName": "Ada"}, **hub)
                assert status == 200
                id = str(ada["id"])
                assert await told(1) == [("CREATED", id)]
                assert receiver.events()[0]["record"] == ada
                one = f"/contacts/{id}"
                assert (await tidings.call("PATCH", one, {"lastName": "Lovelace"}, **hub))[0] == 200
                assert await told(2) == [("CREATED", id), ("UPDATED", id)]
                assert (await tidings.call("DELETE", one, **hub))[0] == 200
                assert await told(3) == [("CREATED", id), ("UPDATED", id), ("DELETED", id)]
                assert (await tidings.call("GET", one, **hub))[0] == 404
    finally:
        await receiving.cleanup()
