"""Reads an account once with dlt, `dlt_pipeline.py URL FOLDER LAG`; a program of its own, where dlt is installed."""

from __future__ import annotations

import json
import sys
from typing import Any

import dlt  # type: ignore[import-not-found]
from dlt.sources.rest_api import rest_api_source  # type: ignore[import-not-found]


@dlt.destination(batch_size=10, name="printed", naming_convention="direct", skip_dlt_columns_and_tables=True)  # type: ignore[untyped-decorator]
def printed(items: list[dict[str, Any]], table: Any) -> None:
    """A destination that prints what it is given."""
    for item in items:
        print(json.dumps({"id": item["id"], "value": item["value"]}), flush=True)


def account(url: str, lag: int) -> Any:
    """The stamp is the cursor, the id the key; `lag` is how many seconds before the cursor it asks again."""
    cursor: dict[str, Any] = {"cursor_path": "lastUpdated", "initial_value": "2020-01-01T00:00:00Z"}
    pages = {"type": "page_number", "base_page": 1, "page_param": "page", "total_path": None}
    contacts = {
        "name": "contacts",
        "primary_key": "id",
        "write_disposition": "append",
        "endpoint": {
            "path": "contacts",
            "data_selector": "$",
            "params": {"since": "{incremental.start_value}"},
            "incremental": cursor | ({"lag": lag} if lag else {}),
        },
    }
    client = {"base_url": url, "paginator": pages | {"stop_after_empty_page": True}}
    return rest_api_source({"client": client, "resources": [contacts]})


if __name__ == "__main__":
    url, folder, lag = sys.argv[1], sys.argv[2], int(sys.argv[3])
    pipeline = dlt.pipeline("cases", destination=printed, dataset_name="cases", pipelines_dir=folder)
    pipeline.run(account(url, lag))
