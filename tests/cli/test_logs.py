"""Is a log line one JSON object without secrets, wherever it goes?"""

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import structlog

from tidings.cli.logs import LogFormat, log_lines, mask_secrets


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def test_a_line_is_one_json_object_with_a_time_and_a_level(tmp_path: Path):
    stream = io.StringIO()
    with log_lines("info", LogFormat.AUTO, tmp_path / "log", stream) as file:
        structlog.get_logger().info("poll.finished", rows=3, where=Path("x"))
        structlog.get_logger().debug("unseen")
    assert file is None
    [line] = stream.getvalue().splitlines()
    shown = orjson.loads(line)
    assert shown.pop("timestamp").endswith("Z")
    assert shown == {"event": "poll.finished", "level": "info", "rows": 3, "where": "PosixPath('x')"}
    assert not (tmp_path / "log").exists()


def test_people_get_text_and_the_file_gets_the_json(tmp_path: Path):
    stream, file = io.StringIO(), tmp_path / "logs" / "tidings.log"
    with log_lines("info", LogFormat.TEXT, file, stream) as kept:
        structlog.get_logger().info("poll.finished", rows=3)
    assert kept == file
    assert "poll.finished" in stream.getvalue()
    assert not stream.getvalue().startswith("{")
    assert orjson.loads(file.read_text())["rows"] == 3


@pytest.mark.parametrize(
    "name", ["userSecret", "private.key", "signature-key", "Authorization", "admin_password", "token"]
)
def test_what_is_called_a_secret_is_masked_at_any_depth(name: str):
    masked = mask_secrets(None, "", {"event": "x", name: "s3cret", "inner": {name: "s3cret", "rows": 1}})
    assert "s3cret" not in str(masked)
    assert masked["inner"]["rows"] == 1


def test_an_exception_stays_on_its_line(tmp_path: Path):
    stream = io.StringIO()
    with log_lines("info", LogFormat.JSON, tmp_path / "log", stream):
        try:
            raise RuntimeError("odd")
        except RuntimeError:
            structlog.get_logger().exception("lane.failed")
    [line] = stream.getvalue().splitlines()
    assert "RuntimeError: odd" in orjson.loads(line)["exception"]


def test_what_libraries_warn_of_is_a_line_of_ours(tmp_path: Path):
    stream = io.StringIO()
    with log_lines("info", LogFormat.JSON, tmp_path / "log", stream):
        logging.getLogger("asyncio").warning("slow %s", "task")
        logging.getLogger("asyncio").info("unseen")
    [line] = stream.getvalue().splitlines()
    shown = orjson.loads(line)
    assert (shown["event"], shown["level"], shown["logger"]) == ("slow task", "warning", "asyncio")
