"""What an element's file says of OAuth is what its provider is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oauth.conftest import HOUR, Opened, element_in
from tests.oauth.server import CLIENT_ID, CLIENT_SECRET
from tidings.core.errors import CredentialsRefused
from tidings.elements.describe import ElementFileError


async def test_the_application_proves_itself_in_a_header_or_in_the_body(opened: Opened, tmp_path: Path) -> None:
    opened.now += HOUR
    await (await opened.connection(opened.keeper())).check()
    assert "client_secret" not in opened.provider.asked[-1]
    (tmp_path / "other").mkdir()
    opened.element = opened.catalog["ledger"] = element_in(tmp_path / "other", client='"body"')
    opened.now += HOUR
    await (await opened.connection(opened.keeper())).check()
    said = opened.provider.asked[-1]
    assert (said["client_id"], said["client_secret"]) == (CLIENT_ID, CLIENT_SECRET)


async def test_the_token_goes_where_the_provider_wants_it_and_never_into_an_error(
    opened: Opened, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    placed = '"basic"\nplace = "query"\nname = "access_token"'
    opened.element = opened.catalog["ledger"] = element_in(tmp_path / "other", client=placed)
    account = await opened.connection(opened.keeper())
    with pytest.raises(CredentialsRefused) as caught:
        await account.check()  # it looks into the header
    assert opened.provider.seen[-1] == ""
    opened.provider.takes = lambda request: request.query["access_token"]
    await account.check()
    resource = opened.element.resource("contacts")
    assert resource is not None
    assert await account.count(resource)
    assert "canary" in opened.provider.seen[-1]
    opened.now += HOUR
    opened.provider.revoke_all()
    with pytest.raises(CredentialsRefused) as refused:
        await account.check()
    assert "canary" not in f"{caught.value} {refused.value}"


async def test_a_token_goes_to_the_api_alone(opened: Opened) -> None:
    opened.now += HOUR
    await (await opened.connection(opened.keeper())).check()
    token = (await opened.grant()).tokens.access
    assert [form for form in opened.provider.asked if token in form.values()] == []


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("scheme", '"basic"', 'authentication of type "oauth2" has the scheme "token"'),
        ("scheme", '"token"\nuser = "x"', "has a user and a password, or is of type oauth2"),
        ("authorize", '"{place}/authorize"', "configuration key 'place' is used but has no"),
        ("client", '"jwt"', "Invalid enum value 'jwt'"),
        ("margin", "-1", "Expected `int` >= 0"),
        ("pkce", 'true\nname = "a b"', "matching regex"),
        ("margin", "5\nmargins = 5", "unknown field `margins`"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(tmp_path: Path, key: str, value: str, said: str) -> None:
    with pytest.raises(ElementFileError) as caught:
        element_in(tmp_path, **{key: value})
    assert said in str(caught.value)
