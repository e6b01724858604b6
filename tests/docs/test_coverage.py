"""Is everything that a user meets explained somewhere?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import msgspec

from tests.docs.generate import SHARED
from tests.docs.pages import ROOT
from tidings.api.events import STATUS
from tidings.cli import COMMANDS
from tidings.core.cursor import ReadingKind
from tidings.core.model import Change, EventType, FieldChange
from tidings.core.notify import NotifyContext, cut
from tidings.core.retry import SCHEDULE
from tidings.core.trail import SENTENCES
from tidings.elements.describe import catalog

CONTEXT = NotifyContext(
    instance_id=1,
    instance_created_at=0,
    instance_name="Acme",
    tags=("Acme",),
    element_key="connectwisecrmrest",
    hub="crm",
    account_id=1,
    company_id=1,
    user_id=1,
    resource="contacts",
    poll_at=0,
    created_at=0,
)


def test_every_command_is_explained():
    page = (ROOT / "docs/cli.md").read_text()
    assert [name for name in COMMANDS if f"tidings {name}" not in page] == []


def test_every_member_of_an_event_is_explained():
    change = Change(
        EventType.UPDATED,
        1,
        1,
        0,
        b"{}",
        (FieldChange("/a", 1, 2),),
        touched=True,
        first_seen=True,
        evidence="seen",
        cause="audit",
    )
    (notification,) = cut([change], 1, 1, CONTEXT)
    (event,) = msgspec.json.decode(notification.body)["message"]["events"]
    table = (ROOT / "docs/events.md").read_text().partition("## The event")[2].partition("## ")[0]
    assert [member for member in event if f"`{member}`" not in table] == []
    assert [kind for kind in EventType if f"**{kind}**" not in table] == []


def test_the_example_of_a_notification_has_the_members_of_a_real_one():
    change = Change(EventType.UPDATED, 1, 1, 0, b"{}", (FieldChange("/a", 1, 2),))
    (real,) = (msgspec.json.decode(each.body) for each in cut([change], 1, 1, CONTEXT))
    shown = msgspec.json.decode((ROOT / "docs/events.md").read_text().partition("```json\n")[2].partition("```")[0])
    for name in (lambda value: value, lambda value: value["message"], lambda value: value["message"]["events"][0]):
        assert list(name(shown)) == list(name(real))


def test_every_status_reading_and_wait_is_explained():
    api, polling, events = ((ROOT / f"docs/{name}.md").read_text() for name in ("api", "polling", "events"))
    assert [status for status in STATUS.values() if f"`{status}`" not in api] == []
    assert [kind for kind in ReadingKind if not re.search(rf"^\| {kind.value}\b", polling, re.MULTILINE)] == []
    assert ", ".join(map(str, SCHEDULE[:-1])) + f" and {SCHEDULE[-1]} seconds" in events


def test_every_verdict_is_explained_as_it_is_told():
    page = (ROOT / "docs/polling.md").read_text()
    assert [each for each, said in SENTENCES.items() if f"| `{each.name.lower()}` | {said} |" not in page] == []


def test_every_log_line_is_explained():
    page = (ROOT / "docs/operations.md").read_text()
    found = {line for folder in ("engine", "api", "cli") for line in logged(folder)}
    assert {"poll.finished", "delivery.attempted", "serve.started"} <= found
    assert sorted(line for line in found if f"`{line}`" not in page) == []


def logged(folder: str) -> Iterator[str]:
    """The names of the log lines that a package writes: the first argument of a call of `log` or `….log.level`."""
    for file in (ROOT / "src/tidings" / folder).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name, value = ast.unparse(node.func), node.args[0].value
                if (
                    re.search(r"(^|[._])log(\.(debug|info|warning|error|exception))?$", name)
                    and isinstance(value, str)
                    and re.fullmatch(r"\w+\.\w+", value)
                ):
                    yield value


def test_every_element_says_what_each_of_its_keys_is():
    for key, element in catalog().items():
        page = (ROOT / f"src/tidings/elements/catalog/{key}/README.md").read_text()
        own = [entry.key for entry in element.configuration if not entry.key.startswith(SHARED)]
        assert [name for name in own if f"`{name}`" not in page] == []
