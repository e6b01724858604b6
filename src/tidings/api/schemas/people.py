"""How are accounts, users, roles and organizations answered?"""

from __future__ import annotations

from pydantic import Field

from tidings.api.schemas.shape import Shape, may_miss


class Account(Shape):
    id: int
    name: str
    description: str
    active: bool
    companyId: int
    createdDate: str
    updatedDate: str
    externalId: str
    defaultAccount: bool
    type: str


class Role(Shape):
    id: int
    name: str
    key: str
    description: str


class RoleWithPrivileges(Role):
    privileges: list[str]


class User(Shape):
    id: int
    firstName: str
    lastName: str
    email: str
    active: bool
    accountId: int
    companyId: int
    createdDate: str
    lastLoginDate: str | None
    roles: list[Role]


class UserRead(User):
    secret: str = may_miss("For an administrator who gives the user's password.")


class UserMade(User):
    secret: str = Field(description="The User part of the Authorization header; in this answer and in no other.")


class Organization(Shape):
    id: int
    name: str
    secret: str
    active: bool
    createdDate: str


class PasswordPolicy(Shape):
    """An organization's rules for passwords."""

    minLength: int
    minUppercase: int
    minLowercase: int
    minNumbers: int
    minSymbols: int
    symbolCharacterSet: str
    previousPasswordCount: int
    expirationDays: int


class Token(Shape):
    token: str


class Secrets(Shape):
    userSecret: str
    organizationSecret: str
