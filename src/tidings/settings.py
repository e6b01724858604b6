"""What an operator can set: one row a setting, with its environment name, its default and one sentence.

`--help`, the documentation and the start-up log are made from `rows()`; nothing else lists settings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from tidings.core.errors import InvalidInput

PREFIX = "TIDINGS_"

Network: TypeAlias = IPv4Network | IPv6Network


class Settings(BaseSettings):
    """Every setting with its default; read with `load`, which refuses a bad value by its environment name."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=8080, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    data: Path = Field(
        default=Path("tidings-data"),
        description="The directory of the database file, the master key (0600) and the logs.",
    )
    database: str | None = Field(
        default=None,
        description="A database URL, sqlite:///PATH; unset, it is the file tidings.db in the data directory.",
    )
    nats: str | None = Field(default=None, description="A NATS URL; this version runs without one and refuses it.")
    role: Literal["all", "api", "worker"] = Field(
        default="all", description="What this process does: answer the API, poll and deliver (worker), or all of it."
    )
    public_url: str | None = Field(
        default=None,
        description="The address under which providers reach this server, such as https://tidings.example.com; needed"
        " where an instance asks its provider for hints.",
    )
    admin_user: str = Field(default="admin@localhost", min_length=1, description="The login made at the first start.")
    admin_password: SecretStr | None = Field(
        default=None, min_length=8, description="Its password; unset, a random one is printed once at the first start."
    )
    allow_private_networks: bool = Field(
        default=False, description="Permit provider and callback addresses in private, local and reserved networks."
    )
    allowed_networks: Annotated[tuple[Network, ...], NoDecode] = Field(
        default=(),
        description="Networks to permit all the same, as a comma-separated list of CIDRs, such as 10.1.0.0/16.",
    )
    ca_file: Path | None = Field(
        default=None,
        description="Certificates of private authorities (PEM), believed beside the system's, for providers and"
        " receivers.",
    )
    connectwise_client_id: str | None = Field(
        default=None,
        description="The ConnectWise client id sent for instances that have no connectwise.clientID of their own.",
    )
    interval_floor: float = Field(
        default=1.0,
        gt=0,
        allow_inf_nan=False,
        description="The shortest poll interval an instance may ask for, in seconds.",
    )
    requests_a_minute: int | None = Field(
        default=None,
        ge=0,
        description="The most requests to one account of a provider in any minute, by everything this process does;"
        " unset, what its element says (ConnectWise: 900); 0 counts none.",
    )
    user_requests_a_minute: int = Field(
        default=60_000,
        ge=0,
        description="The most API calls by one user in a minute, as each process counts them; more are answered 429."
        " 0 counts none.",
    )
    failed_logins_a_minute: int = Field(
        default=10,
        ge=0,
        description="The most failed logins in a minute for one user name; more are answered 429 without looking at the"
        " password. 0 counts none.",
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Origins whose pages may call the API from a browser, as a comma-separated list such as"
        " https://console.example.com; * lets every page.",
    )
    ingest_requests_a_minute: int = Field(
        default=600,
        ge=0,
        description="The most webhooks for one instance in a minute, as each process counts them; more are answered"
        " 429. 0 counts none.",
    )
    ingest_address_requests_a_minute: int = Field(
        default=6000,
        ge=0,
        description="The most webhooks from one address in a minute, as each process counts them; more are answered"
        " 429. 0 counts none.",
    )
    notices_url: str | None = Field(
        default=None,
        description="Where each opening and closing of a notice is POSTed, unless its account has another receiver"
        " (notices.url); unset, nobody else is told but the log and those who ask for them.",
    )
    notices_key: SecretStr | None = Field(
        default=None, min_length=8, description="The key that signs what is POSTed there, as notifications are signed."
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        min_length=8,
        description="The Bearer token that GET /metrics asks for; unset, it is answered to this machine alone.",
    )
    lease_for: float = Field(
        default=60.0,
        ge=1,
        allow_inf_nan=False,
        description="How long a worker owns a piece of work before another may take it over, in seconds.",
    )
    session_for: float = Field(
        default=43200.0,
        gt=0,
        le=31536000,
        description="How long a token from POST /authentication is good for, in seconds.",
    )
    trail_days: float = Field(
        default=7.0,
        gt=0,
        le=36500,
        allow_inf_nan=False,
        description="For how many days it is kept what each reading saw, so that it can be explained.",
    )
    usage_days: float = Field(
        default=30.0,
        ge=0,
        le=36500,
        allow_inf_nan=False,
        description="For how many days it is kept who has called what of the API (GET /usage); 0 keeps it for ever.",
    )
    bulk_days: float = Field(
        default=7.0,
        gt=0,
        le=36500,
        allow_inf_nan=False,
        description="For how many days bulk jobs and their files are kept.",
    )
    retention_days: float = Field(
        default=30.0,
        ge=0,
        le=36500,
        allow_inf_nan=False,
        description="For how many days events, their deliveries and closed notices are kept, unless the account's"
        " `retention.days` says otherwise; 0 keeps them for ever.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe log lines to write."
    )

    @field_validator("allowed_networks", "allowed_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if origin != "*" and not re.fullmatch(r"(?i)https?://[\w.-]+(:\d{1,5})?", origin, re.ASCII):
                raise ValueError(
                    f"{origin[:100]!r} is no origin; write https://HOST or https://HOST:PORT, without a path"
                )
        return tuple(origin.lower() for origin in value)

    @field_validator("database")
    @classmethod
    def _is_sqlite(cls, value: str | None) -> str | None:
        if value and not value.startswith("sqlite:///"):
            raise ValueError("only sqlite:///PATH is supported by this version; leave it unset for DATA/tidings.db")
        return value or None

    @field_validator("public_url")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        written = (value or "").strip().rstrip("/")
        if not written:
            return None
        try:
            parts = urlsplit(written)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        plain = re.fullmatch(r"[!#$&'()*+,./:;=?@\[\]_~%\-0-9A-Za-z]+", written)
        if not usable or not plain or "@" in written or "?" in written or "#" in written:
            raise ValueError("is no http or https address without user, query and fragment; write https://HOST")
        return written

    @field_validator("notices_url")
    @classmethod
    def _is_postable(cls, value: str | None) -> str | None:
        if value and not re.match(r"https?://[^/?#\s]", value):
            raise ValueError("is no http or https address; write https://HOST/PATH")
        return value or None

    @field_validator("nats")
    @classmethod
    def _is_unset(cls, value: str | None) -> str | None:
        if value:
            raise ValueError("is not supported by this version; leave it unset, workers share the database")
        return None

    @property
    def database_path(self) -> Path:
        """The SQLite file."""
        return Path(self.database.removeprefix("sqlite:///")) if self.database else self.data / "tidings.db"


def load(given: Mapping[str, Any] | None = None) -> Settings:
    """The settings: `given` (names without prefix, None left out), then the environment, then the defaults.

    Raises InvalidInput that names the environment variable and says what to write.
    """
    try:
        return Settings(**{name: value for name, value in (given or {}).items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise InvalidInput(PREFIX + name.upper(), first["msg"].removeprefix("Value error, ")) from None


@dataclass(frozen=True, slots=True)
class Row:
    """One setting, for people: `option` on the command line, `env` in the environment."""

    name: str
    env: str
    option: str
    default: str
    sentence: str


def rows() -> tuple[Row, ...]:
    """All settings, in the order in which they are declared; an unset default is the empty string."""
    return tuple(
        Row(
            name=name,
            env=PREFIX + name.upper(),
            option="--" + name.replace("_", "-"),
            default=_text(field.default),
            sentence=field.description or "",
        )
        for name, field in Settings.model_fields.items()
    )


def _text(default: object) -> str:
    if default is None or default == ():
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)
