"""Is what is asked often answered by a search of an index, however long the log is?"""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from tidings.store.migrations.upgrade import upgrade_sqlite
from tidings.store.secrets import load_vault
from tidings.store.sqlite.database import SQL

ASKED = (
    *(
        "kept",
        "kept_of_instance",
        "kept_of_topic",
        "acknowledge",
        "hide",
        "delivery_offset",
        "oldest_open",
        "droppable",
    ),
    *("open_of", "drop_attempts", "drop_deliveries", "drop_notifications", "every_subscription_of_log", "replay"),
    *("replays_of_log", "replays_of_account", "replay_lane", "deliveries_in_state", "attempted", "log_down"),
    *("purge_attempts_of", "purge_deliveries_of", "purge_replays", "subscriptions_of_log", "subscription"),
    *("subscriptions_of_account", "delivery_lane", "unqueue_deliveries", "hasten_deliveries", "last_sequence"),
    *("rouse_replays", "holds_lane"),
    *("failed_since", "tally", "tally_outcomes", "logged_from"),
    *("user", "user_of_email", "user_of_secret", "users_of_account", "roles_of_user", "former_passwords"),
    *("usages", "usage_of_request", "tally_usage"),
    *("errand", "errands", "drop_errand", "drop_errand_lane", "errands_of_user", "errands_of_account"),
    *("end_sessions", "rest_polling_of_user", "account_named"),
    *("log_after", "log_before", "notification", "numbered", "waiting", "is_queueing", "write_delivery", "attempts_of"),
)
LONG = (
    "notification",
    "delivery",
    "attempt",
    "lane",
    "instance",
    "subscription",
    "replay",
    "person",
    "session",
    "usage",
    "errand",
)


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory):
    folder: Path = tmp_path_factory.mktemp("plans")
    upgrade_sqlite(folder / "t.sqlite3", load_vault(folder / "master.key"))
    opened = sqlite3.connect(folder / "t.sqlite3")
    yield opened
    opened.close()


def scans(db: sqlite3.Connection, statement: str) -> list[str]:
    """The long tables that a statement reads from end to end, and the sorts it makes."""
    names = set(re.findall(r"(?<!:):(\w+)", statement))
    values = dict.fromkeys(names, 1) if names else [1] * statement.count("?")
    aliases = {alias: table for table, alias in re.findall(r"(?:from|join) (\w+) (\w)\b", statement)}
    found = []
    for *_, step in db.execute(f"explain query plan {statement}", values):
        scanned = re.match(r"SCAN (\w+)", step)
        if (scanned and aliases.get(scanned[1], scanned[1]) in LONG) or "TEMP B-TREE FOR ORDER" in step:
            found.append(step)
    return found


@pytest.mark.parametrize("name", ASKED)
def test_nothing_long_is_read_from_end_to_end(db: sqlite3.Connection, name: str):
    assert scans(db, SQL[name]) == []


def test_a_scan_is_noticed(db: sqlite3.Connection):
    assert scans(db, "select * from notification n where n.created_at = :a") != []
