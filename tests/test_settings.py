"""Settings: the environment, the command line, and refusals by name."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from tidings.core.errors import InvalidInput
from tidings.settings import Settings, load, rows


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for row in rows():
        monkeypatch.delenv(row.env, raising=False)


def test_without_anything_set_the_defaults_stand() -> None:
    settings = load()
    assert (settings.host, settings.port, settings.role) == ("127.0.0.1", 8080, "all")
    assert settings.database_path == Path("tidings-data/tidings.db")
    assert settings.allow_private_networks is False
    assert settings.allowed_networks == ()


def test_the_environment_sets_and_the_command_line_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDINGS_PORT", "9000")
    monkeypatch.setenv("TIDINGS_HOST", "0.0.0.0")
    settings = load({"port": 9001, "host": None})
    assert (settings.host, settings.port) == ("0.0.0.0", 9001)


def test_networks_are_a_comma_separated_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDINGS_ALLOWED_NETWORKS", "127.0.0.0/8, ::1/128")
    assert load().allowed_networks == (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def test_a_database_url_names_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDINGS_DATABASE", "sqlite:////var/lib/t.db")
    assert load().database_path == Path("/var/lib/t.db")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("TIDINGS_PORT", "http", "valid integer"),
        ("TIDINGS_PORT", "70000", "less than or equal to 65535"),
        ("TIDINGS_DATABASE", "postgresql://db/tidings", "only sqlite:///PATH"),
        ("TIDINGS_NATS", "nats://localhost", "not supported"),
        ("TIDINGS_ROLE", "boss", "'all', 'api' or 'worker'"),
        ("TIDINGS_ALLOWED_NETWORKS", "10.0.0.0/8,home", "not a valid"),
        ("TIDINGS_ALLOW_PRIVATE_NETWORKS", "perhaps", "boolean"),
        ("TIDINGS_ADMIN_PASSWORD", "short", "at least 8"),
        ("TIDINGS_INTERVAL_FLOOR", "0", "greater than 0"),
        ("TIDINGS_INTERVAL_FLOOR", "nan", "finite"),
        ("TIDINGS_LEASE_FOR", "soon", "valid number"),
        ("TIDINGS_LOG_LEVEL", "loud", "'debug'"),
        ("TIDINGS_NOTICES_URL", "ops.example/notices", "https://HOST/PATH"),
        ("TIDINGS_PUBLIC_URL", "tidings.example", "https://HOST"),
        ("TIDINGS_PUBLIC_URL", "ftp://tidings.example", "https://HOST"),
        ("TIDINGS_PUBLIC_URL", "https://user@tidings.example", "https://HOST"),
        ("TIDINGS_PUBLIC_URL", "https://tidings.example/?a=b", "https://HOST"),
        ("TIDINGS_PUBLIC_URL", 'https://tidings.example/"x', "https://HOST"),
        ("TIDINGS_PUBLIC_URL", "https://", "https://HOST"),
        ("TIDINGS_NOTICES_KEY", "short", "at least 8"),
        ("TIDINGS_METRICS_TOKEN", "", "at least 8"),
    ],
)
def test_a_bad_value_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput) as refused:
        load()
    assert refused.value.field == name
    assert says in refused.value.message


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://h.example/below/", "https://h.example/below"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("", None),
    ],
)
def test_a_public_address_is_kept_without_the_slash_at_its_end(given: str, kept: str | None) -> None:
    assert load({"public_url": given}).public_url == kept


def test_a_secret_is_neither_shown_nor_quoted_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDINGS_ADMIN_PASSWORD", "hunter2hunter2")
    assert "hunter2" not in repr(load())
    monkeypatch.setenv("TIDINGS_ADMIN_PASSWORD", "hunter2")
    with pytest.raises(InvalidInput) as refused:
        load()
    assert "hunter2" not in str(refused.value)


def test_every_setting_has_a_row_with_one_sentence() -> None:
    assert [row.name for row in rows()] == list(Settings.model_fields)
    assert all(row.sentence.endswith(".") for row in rows())
    assert {row.env: row.default for row in rows()}["TIDINGS_ALLOW_PRIVATE_NETWORKS"] == "false"
