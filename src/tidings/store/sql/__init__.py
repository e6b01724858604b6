"""Where the SQL stands: `queries.sql`, one named and explained statement each."""

from __future__ import annotations

import re
from importlib.resources import files


def load(name: str = "queries.sql") -> dict[str, str]:
    """The statements of one file by their name: what stands between a line `-- name --` and the next."""
    text = files(__name__).joinpath(name).read_text()
    parts = re.split(r"^-- (\w+) --.*$", text, flags=re.MULTILINE)
    return {title: body.strip().rstrip(";") for title, body in zip(parts[1::2], parts[2::2], strict=True)}
