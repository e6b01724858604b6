"""How is Airbyte's low-code connector told to read an account? A manifest and a catalog, both without any code."""

from __future__ import annotations

from typing import Any

from bench.account import PAGE

STAMP, FORMAT = "lastUpdated", "%Y-%m-%dT%H:%M:%SZ"

SCHEMA: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {"id": {"type": "integer"}, "value": {"type": "string"}, STAMP: {"type": "string"}},
}

CATALOG: dict[str, Any] = {
    "streams": [
        {
            "stream": {
                "name": "contacts",
                "json_schema": SCHEMA,
                "supported_sync_modes": ["full_refresh", "incremental"],
                "source_defined_cursor": True,
                "default_cursor_field": [STAMP],
                "source_defined_primary_key": [["id"]],
            },
            "sync_mode": "incremental",
            "destination_sync_mode": "append",
            "cursor_field": [STAMP],
        }
    ]
}


def manifest(url: str, lookback: str | None) -> dict[str, Any]:
    """One stream, read from the cursor on; `lookback` is an ISO duration by which it goes back further."""
    cursor: dict[str, Any] = {
        "type": "DatetimeBasedCursor",
        "cursor_field": STAMP,
        "datetime_format": FORMAT,
        "start_datetime": {"type": "MinMaxDatetime", "datetime": "2020-01-01T00:00:00Z", "datetime_format": FORMAT},
        "start_time_option": {"type": "RequestOption", "inject_into": "request_parameter", "field_name": "since"},
    }
    if lookback is not None:
        cursor["lookback_window"] = lookback
    return {
        "version": "6.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["contacts"]},
        "streams": [
            {
                "type": "DeclarativeStream",
                "name": "contacts",
                "primary_key": ["id"],
                "schema_loader": {"type": "InlineSchemaLoader", "schema": SCHEMA},
                "retriever": {
                    "type": "SimpleRetriever",
                    "requester": {"type": "HttpRequester", "url_base": url, "path": "/contacts", "http_method": "GET"},
                    "record_selector": {
                        "type": "RecordSelector",
                        "extractor": {"type": "DpathExtractor", "field_path": []},
                    },
                    "paginator": _pages(),
                },
                "incremental_sync": cursor,
            }
        ],
        "spec": {"type": "Spec", "connection_specification": {"type": "object", "properties": {}}},
    }


def _pages() -> dict[str, Any]:
    def option(name: str) -> dict[str, str]:
        return {"type": "RequestOption", "inject_into": "request_parameter", "field_name": name}

    counted = {"type": "PageIncrement", "page_size": PAGE, "start_from_page": 1, "inject_on_first_request": True}
    return {
        "type": "DefaultPaginator",
        "page_token_option": option("page"),
        "page_size_option": option("pageSize"),
        "pagination_strategy": counted,
    }
