"""Which privilege does each route ask of its caller? The first rule that fits its verb and path says so.

A route that no rule fits is refused when the API is put together, so that none is open to everybody by mistake.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from tidings.api.authorization import Scope
from tidings.core.roles import Privilege

READ: Final = ("GET",)
WRITE: Final = ("POST", "PUT", "PATCH", "DELETE")


class Rule(NamedTuple):
    """For the path and all that lies below it, but for `exact` ones; `privilege` None asks for a known user only."""

    methods: tuple[str, ...]
    path: str
    privilege: Privilege | None
    exact: bool = False

    def fits(self, method: str, path: str) -> bool:
        below = path.startswith(f"{self.path}/") and not self.exact
        return method in self.methods and (path == self.path or below)


INSTANCES: Final = "/elements/{element}/instances"
ONE: Final = "/instances/{instance_id:int}"

#: Paths as the table of routes has them, below the base path.
RULES: Final = (
    Rule(READ, INSTANCES, Privilege.VIEW_INSTANCES),
    Rule(("POST",), INSTANCES, Privilege.CREATE_INSTANCES),
    Rule(("PUT", "PATCH"), INSTANCES, Privilege.EDIT_INSTANCES),
    Rule(("DELETE",), INSTANCES, Privilege.DELETE_INSTANCES),
    Rule(("GET", "POST"), "/elements/{element}/oauth", Privilege.VIEW_ELEMENTS),
    Rule(READ, "/elements", Privilege.VIEW_ELEMENTS),
    Rule(("POST",), "/elements", Privilege.CREATE_ELEMENTS),
    Rule(("PUT", "PATCH"), "/elements", Privilege.EDIT_ELEMENTS),
    Rule(("DELETE",), "/elements/{element}", Privilege.DELETE_ELEMENTS, exact=True),
    Rule(("DELETE",), "/elements", Privilege.EDIT_ELEMENTS),
    Rule(READ, "/catalog-properties", Privilege.VIEW_ELEMENTS),
    Rule(READ, "/hubs", Privilege.VIEW_ELEMENTS),
    Rule(READ, "/docs", Privilege.VIEW_ELEMENTS),
    #
    Rule(READ, "/instances", Privilege.VIEW_INSTANCES),
    Rule(("POST",), "/instances", Privilege.CREATE_INSTANCES, exact=True),
    Rule(("DELETE",), ONE, Privilege.DELETE_INSTANCES, exact=True),
    Rule(("DELETE",), "/instances", Privilege.DELETE_INSTANCES, exact=True),
    Rule(WRITE, "/instances", Privilege.EDIT_INSTANCES),
    Rule(READ, "/notices", Privilege.VIEW_INSTANCES),
    Rule(READ, "/notifications", Privilege.VIEW_NOTIFICATIONS),
    Rule(WRITE, "/notifications", Privilege.EDIT_NOTIFICATIONS),
    Rule(READ, "/jobs", Privilege.VIEW_JOBS),
    Rule(WRITE, "/jobs", Privilege.EDIT_JOBS),
    Rule(READ, "/usage", Privilege.VIEW_USAGE),
    #
    Rule(READ, "/accounts/settings", Privilege.VIEW_SETTINGS),
    Rule(WRITE, "/accounts/settings", Privilege.EDIT_SETTINGS),
    Rule(READ, "/accounts/{account_id:int}/settings", Privilege.VIEW_SETTINGS),
    Rule(WRITE, "/accounts/{account_id:int}/settings", Privilege.EDIT_SETTINGS),
    Rule(READ, "/accounts/objects", Privilege.VIEW_COMMON_OBJECTS),
    Rule(READ, "/accounts/{account_id:int}/objects", Privilege.VIEW_COMMON_OBJECTS),
    Rule(READ, "/accounts/{account_id:int}/elements", Privilege.VIEW_COMMON_OBJECTS),
    Rule(READ, "/organizations/objects", Privilege.VIEW_COMMON_OBJECTS),
    Rule(READ, "/organizations/elements", Privilege.VIEW_COMMON_OBJECTS),
    Rule(READ, "/accounts/objects", Privilege.VIEW_COMMON_OBJECTS),
    Rule(READ, "/accounts/{account_id:int}/objects", Privilege.VIEW_COMMON_OBJECTS),
    Rule(READ, "/accounts/{account_id:int}/elements", Privilege.VIEW_COMMON_OBJECTS),
    Rule(READ, "/organizations/objects", Privilege.VIEW_COMMON_OBJECTS),
    Rule(READ, "/organizations/elements", Privilege.VIEW_COMMON_OBJECTS),
    Rule(READ, "/accounts/{account}/users", Privilege.VIEW_USERS),
    Rule(WRITE, "/accounts/{account}/users", Privilege.EDIT_USERS),
    Rule(READ, "/accounts/{account}/roles", Privilege.VIEW_USERS),
    Rule(WRITE, "/accounts/{account}/roles", Privilege.EDIT_USERS),
    Rule(READ, "/accounts", Privilege.VIEW_ACCOUNTS),
    Rule(("POST",), "/accounts", Privilege.CREATE_ACCOUNTS),
    Rule(("PUT", "PATCH"), "/accounts", Privilege.EDIT_ACCOUNTS),
    Rule(("DELETE",), "/accounts", Privilege.DELETE_ACCOUNTS),
    # Of themselves everybody may know, and change what is theirs; the handlers ask for more where it is somebody else.
    Rule(("GET", "PATCH"), "/users/{user}", None, exact=True),
    Rule(READ, "/users", Privilege.VIEW_USERS),
    Rule(WRITE, "/users", Privilege.EDIT_USERS),
    Rule(READ, "/organizations/me", None, exact=True),
    Rule(READ, "/organizations/password-policies", None, exact=True),
    Rule(READ, "/organizations/roles", Privilege.VIEW_USERS),
    Rule(READ, "/organizations/users", Privilege.VIEW_USERS),
    Rule(WRITE, "/organizations/users", Privilege.EDIT_USERS),
    Rule(READ, "/organizations", Privilege.VIEW_ACCOUNTS),
    Rule(WRITE, "/organizations", Privilege.EDIT_ORGANIZATION),
)


def privilege_for(method: str, path: str, scope: Scope) -> Privilege | None:
    """What a route, its path below the base path, asks of its user; None when knowing them is enough, or needless.

    Raises LookupError for a route that nobody has decided about.
    """
    if scope in (Scope.OPEN, Scope.BEARER):
        return None
    if scope is Scope.HUB:
        return Privilege.USE_INSTANCES
    for rule in RULES:
        if rule.fits(method, path):
            return rule.privilege
    raise LookupError(f"{method} {path} asks for no privilege yet: add a rule to api/privileges.py")
