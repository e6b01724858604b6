"""Does the server say where it is, let its owner in, and stop when it is told to?"""

import re
import signal
import time
from pathlib import Path
from subprocess import Popen

import aiohttp
import orjson
import pytest

from tests.cli.processes import running, url_of
from tests.cli.test_command import tidings

LOCAL = ("--port", "0", "--log-format", "json")


async def test_the_printed_password_and_the_secrets_command_open_the_same_door(tmp_path: Path):
    with running("serve", "--data", str(tmp_path), *LOCAL) as server:
        url = url_of(server)
        assert server.stdout is not None
        printed = "".join(server.stdout.readline() for _ in range(3))
        password = re.search(r"admin@localhost, password (\S+)", printed)
        assert password is not None
        beside = orjson.loads(tidings("secrets", "--data", str(tmp_path)).stdout)
        assert set(beside) == {"userSecret", "organizationSecret"}
        async with aiohttp.ClientSession(f"{url}/elements/api-v2/") as session:
            login = {"username": "admin@localhost", "password": password[1]}
            async with session.post("authentication", json=login) as answer:
                token = (await answer.json())["token"]
            async with session.get("authentication/secrets", headers={"Authorization": f"Bearer {token}"}) as answer:
                assert await answer.json() == beside
            async with session.get(f"{url}/ready") as answer:
                assert answer.status == 200
    assert server.returncode == 0


def test_the_password_is_printed_at_the_first_start_only_and_logged_at_none(tmp_path: Path):
    outputs = []
    for _ in range(2):
        with running("serve", "--data", str(tmp_path), *LOCAL) as server:
            url_of(server)
            outputs.append(said_until_the_end(server))
    assert [output.count(", password ") for output in outputs] == [1, 0]
    assert "tidings secrets --data" in outputs[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_at_once_and_cleanly(tmp_path: Path, number: signal.Signals):
    with running("serve", "--data", str(tmp_path), *LOCAL) as server:
        url_of(server)
        server.send_signal(number)
        began = time.monotonic()
        assert server.wait(10) == 0
        assert time.monotonic() - began < 5
        assert server.stderr is not None
        assert [orjson.loads(line)["event"] for line in server.stderr] == ["serve.started", "serve.stopped"]


def said_until_the_end(server: Popen[str]) -> str:
    assert server.stdin is not None
    assert server.stdout is not None
    assert server.stderr is not None
    server.stdin.close()
    return server.stdout.read() + server.stderr.read()


def refused(*arguments: str, **environment: str) -> str:
    done = tidings("serve", *arguments, **environment)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path):
    with running("serve", "--data", str(tmp_path), *LOCAL) as server:
        url_of(server)
        assert "another server works in" in refused("--data", str(tmp_path), *LOCAL)


def test_a_port_in_use_is_refused(tmp_path: Path):
    with running("serve", "--data", str(tmp_path / "one"), *LOCAL) as server:
        port = url_of(server).rpartition(":")[2]
        assert f"{port} on 127.0.0.1 is in use" in refused("--data", str(tmp_path / "two"), "--port", port)


@pytest.mark.parametrize("arguments", [(), ("--log-format", "text")])
def test_data_that_is_a_file_is_refused(tmp_path: Path, arguments: tuple[str, ...]):
    (tmp_path / "file").write_text("")
    assert "cannot be made" in refused("--data", str(tmp_path / "file"), "--port", "0", *arguments)


def test_a_bad_setting_is_refused_by_name():
    assert "TIDINGS_PORT" in refused("--port", "many")
    assert "TIDINGS_ROLE" in refused(TIDINGS_ROLE="king")
    assert "TIDINGS_NATS" in refused("--nats", "nats://localhost")


def test_secrets_on_an_empty_directory_are_made_and_stay(tmp_path: Path):
    first = tidings("secrets", "--data", str(tmp_path / "new"))
    second = tidings("secrets", "--data", str(tmp_path / "new"))
    assert first.returncode == second.returncode == 0
    assert first.stdout == second.stdout
    assert "password" in first.stderr
    assert second.stderr == ""


async def test_a_reader_that_waits_for_events_does_not_hold_up_the_stop(tmp_path: Path):
    with running("serve", "--data", str(tmp_path), "--role", "api", *LOCAL) as server:
        url = url_of(server)
        async with aiohttp.ClientSession() as session, session.get(f"{url}/health") as answer:
            assert answer.status == 200
            # The kept-alive connection stays open.
            server.send_signal(signal.SIGTERM)
            began = time.monotonic()
            assert server.wait(10) == 0
            assert time.monotonic() - began < 4


def test_a_worker_listens_on_nothing(tmp_path: Path):
    with running("serve", "--data", str(tmp_path), "--role", "worker", "--log-format", "json") as worker:
        assert worker.stdout is not None
        assert "listens on no port" in worker.stdout.readline()
