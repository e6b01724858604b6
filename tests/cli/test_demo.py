"""Does the demo prove what it shows, and leave nothing behind?"""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import orjson
import pytest

from tests.cli.test_command import tidings
from tidings.cli.children import Child, ChildFailed
from tidings.cli.reconcile import Write
from tidings.cli.witness import Witness
from tidings.sandbox import CLIENT_ID, Account, SandboxConfig, build

SMALL = ("--contacts", "60", "--companies", "10", "--tickets", "30")


def test_eight_seconds_prove_that_every_change_arrived_and_the_totals_add_up(tmp_path: Path):
    done = tidings(
        "demo", "--seconds", "8", "--json", "--activity", "6", *SMALL, TMPDIR=str(tmp_path), TIDINGS_PORT="no"
    )
    shown = orjson.loads(done.stdout)
    assert done.returncode == 0, shown
    assert shown["right"] is True
    assert shown["changes"] > 10
    assert shown["changes"] == shown["announced"] + shown["invisible"]
    assert shown["delivered"] == sum(shown["events"].values()) == shown["announced"] - shown["merged"]
    assert shown["missing"] == shown["repeated"] == shown["wrongType"] == shown["badSignature"] == 0
    assert 0 < shown["latencySeconds"]["p50"] <= shown["latencySeconds"]["p95"] <= shown["latencySeconds"]["max"]
    assert "/elements/api-v2" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_it_and_what_it_started(tmp_path: Path):
    process = subprocess.Popen(
        [sys.executable, "-m", "tidings", "demo", *SMALL],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stdout, process.stderr:
        assert "The API is at" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert "deliveries" in process.stdout.read()
    assert list(tmp_path.iterdir()) == []


def test_a_directory_with_something_in_it_is_refused(tmp_path: Path):
    (tmp_path / "mine").write_text("")
    refused = tidings("demo", "--data", str(tmp_path))
    assert refused.returncode == 2
    assert "is not empty" in refused.stderr


async def test_the_witness_tells_of_writes_once_and_of_the_records_that_are_left():
    sandbox = build(SandboxConfig(contacts=8, companies=4, tickets=8, rate_limit=None, clock=lambda: 1_800_000_000.5))
    async with await sandbox.start() as running, aiohttp.ClientSession() as session:
        account = Account()
        printed = {
            "baseUrl": running.api,
            "company": account.company,
            "publicKey": account.public_key,
            "privateKey": account.private_key,
            "clientId": CLIENT_ID,
            "admin": f"{running.origin}/_admin",
        }
        witness = Witness(printed, session)
        assert await witness.new_writes() == []
        for _ in range(60):
            sandbox.activity.step()
        writes = await witness.new_writes()
        assert len(writes) >= 60
        assert {write.resource for write in writes} == {"contacts", "organizations", "incidents"}
        assert await witness.new_writes() == []
        kept = await witness.records((write.resource, write.record_id) for write in writes)
        there = {(write.resource, write.record_id): write for write in writes}
        for key, last in there.items():
            # A deleted organization stays in the list, flagged.
            assert (key in kept) is (last.action != "deleted" or last.resource == "organizations")
            if last.action != "deleted":
                assert kept[key]["_info"]["lastUpdated"] == last.stamp
        await witness.set_activity(5)
        assert sandbox.activity.running
        await witness.set_activity(0)
        assert not sandbox.activity.running
        assert isinstance(writes[0], Write)


async def test_a_child_that_cannot_start_says_why(tmp_path: Path):
    child = await Child.start("serve", "--port", "many", environment=dict(os.environ), log=tmp_path / "log")
    with pytest.raises(ChildFailed, match="exit code 2; TIDINGS_PORT"):
        await child.first_line()
    assert "TIDINGS_PORT" in (tmp_path / "log").read_text()
    await child.stop()


async def test_a_child_that_ends_by_itself_is_noticed(tmp_path: Path):
    child = await Child.start(
        "sandbox",
        "--port",
        "0",
        "--contacts",
        "1",
        "--tickets",
        "0",
        environment=dict(os.environ),
        log=tmp_path / "log",
    )
    ended = asyncio.create_task(child.ended())
    assert "ConnectWise" in await child.first_line()
    await child.stop()
    with pytest.raises(ChildFailed, match="exit code 0"):
        await ended
