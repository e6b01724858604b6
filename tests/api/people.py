"""More people than the first user: accounts, their members, and another organization."""

from __future__ import annotations

import itertools
from typing import Any

from tests.api.client import Client
from tests.api.conftest import World
from tidings.core.model import User

GOOD = "Engine-1842x"
_numbers = itertools.count()


async def account(world: World, external_id: str, **more: str) -> dict[str, Any]:
    answer = await world.client("POST", "/accounts", {"externalId": external_id} | more)
    assert answer.status == 200, answer.body
    made: dict[str, Any] = answer.json
    return made


async def member(world: World, account_id: int, roles: list[str] | None = None) -> tuple[Client, dict[str, Any]]:
    """A new user of an account, as who calls and as the API answers them."""
    email = f"member{next(_numbers)}@x.example"
    body = {"firstName": "Bo", "lastName": "Xu", "email": email, "password": GOOD, "roles": roles}
    answer = await world.client("POST", f"/accounts/{account_id}/users", body)
    assert answer.status == 200, answer.body
    return world.client.saying(f"User {answer.json['secret']}, Organization 0rg"), answer.json


async def organization(world: World) -> tuple[Client, User]:
    """The first user of another organization."""
    number = next(_numbers)
    first = User(0, 0, 0, f"eve{number}@y.example", "Eve", "Other", "hash", f"eve{number}=", f"0ther{number}")
    made = await world.store.add_organization(first)
    return world.client.saying(f"User eve{number}=, Organization 0ther{number}"), made
