"""What does `tidings secrets` do? Prints what the Authorization header is made of."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import orjson
import typer

from tidings.app import first_user, open_store
from tidings.settings import Settings, load


def secrets(
    data: Annotated[
        str | None,
        typer.Option(help="The data directory of the server, as given to tidings serve.", envvar="TIDINGS_DATA"),
    ] = None,
) -> None:
    """Print the user's and the organization's secret as JSON; the server may be running.

    They go into the header of every call: [bold]Authorization: User <userSecret>, Organization <organizationSecret>
    [/bold]. On an empty directory they are made, together with a login, whose password goes to stderr.

    Example: [bold]tidings secrets --data tidings-data[/bold]
    """
    user, password = asyncio.run(read_secrets(settings := load({"data": data})))
    print(orjson.dumps(user).decode())
    if password is not None:
        print(f"The login {settings.admin_user} was made now; its password is {password}", file=sys.stderr)


async def read_secrets(settings: Settings) -> tuple[dict[str, str], str | None]:
    """`userSecret` and `organizationSecret` of a data directory, and the password of a login made just now."""
    store = await open_store(settings)
    try:
        user, password = await first_user(store, settings)
    finally:
        await store.close()
    return {"userSecret": user.secret, "organizationSecret": user.organization_secret}, password
