"""Reads an account once with Meltano's Singer SDK; a program of its own, where the SDK is installed."""

from __future__ import annotations

from typing import Any

from singer_sdk import RESTStream, Tap  # type: ignore[import-not-found]
from singer_sdk import typing as th
from singer_sdk.pagination import BasePageNumberPaginator  # type: ignore[import-not-found]


class UntilEmpty(BasePageNumberPaginator):  # type: ignore[misc]
    """Page after page, until one is empty."""

    def has_more(self, response: Any) -> bool:
        return bool(response.json())


class Contacts(RESTStream):  # type: ignore[misc]
    """Sorted by the stamp, as the SDK asks of a stream whose state it saves on the way."""

    name = "contacts"
    path = "/contacts"
    primary_keys = ("id",)
    replication_key = "lastUpdated"
    is_sorted = True
    schema = th.PropertiesList(
        th.Property("id", th.IntegerType),
        th.Property("value", th.StringType),
        th.Property("lastUpdated", th.DateTimeType),
    ).to_dict()

    @property
    def url_base(self) -> str:
        return str(self.config["url"])

    def get_new_paginator(self) -> UntilEmpty:
        return UntilEmpty(start_value=1)

    def get_url_params(self, context: Any, next_page_token: int | None) -> dict[str, Any]:
        since = self.get_starting_replication_key_value(context)
        return {"page": next_page_token or 1} | ({"since": since} if since else {})


class TapAccount(Tap):  # type: ignore[misc]
    name = "tap-account"
    config_jsonschema = th.PropertiesList(th.Property("url", th.StringType, required=True)).to_dict()

    def discover_streams(self) -> list[Contacts]:
        return [Contacts(self)]


if __name__ == "__main__":
    TapAccount.cli()
