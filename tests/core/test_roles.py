"""What each role may do."""

from __future__ import annotations

import pytest

from tidings.core.roles import ADMIN, DEFAULT, ORG_ADMIN, ROLES, Privilege, may_grant, privileges

#: Those that clients of the platform know by name (spec platform.md 5.6).
KNOWN = (
    *("viewElements", "createElements", "editElements", "deleteElements"),
    *("createElementInstances", "viewCommonObjects", "createCommonObjects"),
    *("editCommonObjects", "deleteCommonObjects", "viewUsersAccount"),
    *("manageUiBranding", "viewFormulas", "createFormulas", "editFormulas"),
    *("deleteFormulas", "createFormulaInstances", "system", "intelligence"),
)


@pytest.mark.parametrize("name", KNOWN)
def test_every_privilege_that_clients_name_is_known(name: str):
    assert Privilege(name) == name


def test_each_role_may_do_all_that_the_one_below_may_and_more():
    assert DEFAULT.privileges < ADMIN.privileges < ORG_ADMIN.privileges


def test_no_role_has_the_privilege_of_the_system():
    assert frozenset(Privilege) - ORG_ADMIN.privileges == {Privilege.SYSTEM}


def test_what_concerns_other_accounts_is_for_the_organization_alone():
    for privilege in (Privilege.CREATE_ACCOUNTS, Privilege.DELETE_ACCOUNTS, Privilege.EDIT_ORGANIZATION):
        assert [role.key for role in ROLES.values() if privilege in role.privileges] == ["org-admin"]


def test_a_default_user_changes_neither_elements_nor_people():
    for privilege in (Privilege.CREATE_ELEMENTS, Privilege.EDIT_USERS, Privilege.VIEW_USERS, Privilege.EDIT_SETTINGS):
        assert privilege not in DEFAULT.privileges


def test_roles_add_up_and_unknown_ones_give_nothing():
    assert privileges([]) == privileges(["emperor"]) == frozenset()
    assert privileges(["default", "admin", "emperor"]) == ADMIN.privileges


def test_nobody_grants_more_than_they_have():
    granted = {own: [role.key for role in ROLES.values() if may_grant([own], role)] for own in ROLES}
    assert granted == {
        "default": ["default"],
        "admin": ["default", "admin"],
        "org-admin": ["default", "admin", "org-admin"],
    }


def test_a_role_is_shown_with_the_members_that_clients_read():
    assert ADMIN.shown().keys() == {"id", "name", "key", "description"}
    assert len({role.id for role in ROLES.values()}) == len(ROLES)
