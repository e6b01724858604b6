"""How is a command told which running server to call, and with whose secrets?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

HERE = "http://127.0.0.1:8080"

Url: TypeAlias = Annotated[str, typer.Option(help="Where the server is.", envvar="TIDINGS_URL")]
Data: TypeAlias = Annotated[
    Path | None, typer.Option(help="The server's data directory, to take the secrets from.", envvar="TIDINGS_DATA")
]
UserSecret: TypeAlias = Annotated[
    str | None, typer.Option(help="Instead of --data: the user secret.", envvar="TIDINGS_USER_SECRET")
]
OrganizationSecret: TypeAlias = Annotated[
    str | None, typer.Option(help="And the organization secret.", envvar="TIDINGS_ORGANIZATION_SECRET")
]
