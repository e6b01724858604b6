"""Who may do what? Roles, and the privileges each of them gives (spec platform.md 5.6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Privilege(StrEnum):
    """One thing that a caller may do, in the platform's spelling."""

    VIEW_ELEMENTS = "viewElements"
    CREATE_ELEMENTS = "createElements"
    EDIT_ELEMENTS = "editElements"
    DELETE_ELEMENTS = "deleteElements"
    VIEW_INSTANCES = "viewElementInstances"
    CREATE_INSTANCES = "createElementInstances"
    EDIT_INSTANCES = "editElementInstances"
    DELETE_INSTANCES = "deleteElementInstances"
    USE_INSTANCES = "useElementInstances"  #: calls to the provider by way of an instance
    VIEW_COMMON_OBJECTS = "viewCommonObjects"
    CREATE_COMMON_OBJECTS = "createCommonObjects"
    EDIT_COMMON_OBJECTS = "editCommonObjects"
    DELETE_COMMON_OBJECTS = "deleteCommonObjects"
    VIEW_FORMULAS = "viewFormulas"
    CREATE_FORMULAS = "createFormulas"
    EDIT_FORMULAS = "editFormulas"
    DELETE_FORMULAS = "deleteFormulas"
    CREATE_FORMULA_INSTANCES = "createFormulaInstances"
    VIEW_NOTIFICATIONS = "viewNotifications"
    EDIT_NOTIFICATIONS = "editNotifications"
    VIEW_JOBS = "viewJobs"
    EDIT_JOBS = "editJobs"
    VIEW_USAGE = "viewUsage"
    VIEW_SETTINGS = "viewAccountSettings"
    EDIT_SETTINGS = "editAccountSettings"
    VIEW_USERS = "viewUsersAccount"
    EDIT_USERS = "editUsersAccount"
    VIEW_ACCOUNTS = "viewAccounts"
    EDIT_ACCOUNTS = "editAccounts"
    CREATE_ACCOUNTS = "createAccounts"
    DELETE_ACCOUNTS = "deleteAccounts"
    EDIT_ORGANIZATION = "editOrganization"
    UI_BRANDING = "manageUiBranding"
    INTELLIGENCE = "intelligence"
    SYSTEM = "system"  #: nobody's: no role has it, and none can be given it


@dataclass(frozen=True, slots=True)
class Role:
    """A name for a set of privileges; `id` and `key` never change their meaning."""

    id: int
    key: str
    name: str
    description: str
    privileges: frozenset[Privilege]

    def shown(self) -> dict[str, object]:
        """As the API answers it."""
        return {"id": self.id, "name": self.name, "key": self.key, "description": self.description}


_USER: Final = frozenset(
    {
        *(Privilege.VIEW_ELEMENTS, Privilege.VIEW_INSTANCES, Privilege.CREATE_INSTANCES, Privilege.EDIT_INSTANCES),
        *(Privilege.DELETE_INSTANCES, Privilege.USE_INSTANCES, Privilege.VIEW_COMMON_OBJECTS),
        *(Privilege.CREATE_COMMON_OBJECTS, Privilege.EDIT_COMMON_OBJECTS, Privilege.DELETE_COMMON_OBJECTS),
        *(Privilege.VIEW_FORMULAS, Privilege.CREATE_FORMULA_INSTANCES, Privilege.VIEW_NOTIFICATIONS),
        *(Privilege.EDIT_NOTIFICATIONS, Privilege.VIEW_JOBS, Privilege.EDIT_JOBS, Privilege.VIEW_USAGE),
        Privilege.VIEW_SETTINGS,
    }
)
_OF_ORGANIZATION: Final = frozenset(
    {
        *(Privilege.CREATE_ACCOUNTS, Privilege.DELETE_ACCOUNTS, Privilege.EDIT_ORGANIZATION),
        *(Privilege.UI_BRANDING, Privilege.INTELLIGENCE),
    }
)
_ALL: Final = frozenset(Privilege) - {Privilege.SYSTEM}

DEFAULT: Final = Role(1, "default", "Default user", "Uses elements and the instances of its account.", _USER)
ADMIN: Final = Role(
    2, "admin", "Account administrator", "Looks after an account, its users and settings.", _ALL - _OF_ORGANIZATION
)
ORG_ADMIN: Final = Role(
    3, "org-admin", "Organization administrator", "Looks after all accounts and the rules for passwords.", _ALL
)

ROLES: Final[Mapping[str, Role]] = {role.key: role for role in (DEFAULT, ADMIN, ORG_ADMIN)}


def privileges(keys: Iterable[str]) -> frozenset[Privilege]:
    """What these roles give together; an unknown role gives nothing.

    >>> Privilege.CREATE_ACCOUNTS in privileges(["default", "admin"])
    False
    """
    return frozenset().union(*(ROLES[key].privileges for key in keys if key in ROLES))


def may_grant(own: Iterable[str], role: Role) -> bool:
    """Whether who has the roles `own` may give `role` to others, or take it: nobody gives more than they have.

    >>> may_grant(["admin"], ORG_ADMIN)
    False
    """
    return role.privileges <= privileges(own)
