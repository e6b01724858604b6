"""How an element's folder is read: `element.toml`, the configuration every element shares, and `README.md`.

A wrong file is refused with its name, the place in it and what is wrong there.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from tidings.core.errors import TidingsError
from tidings.elements.element import Authentication, ConfigurationEntry, Element, Resource

__all__ = ["ConfigurationEntry", "Element", "ElementFileError", "Resource", "catalog", "read_element"]

CATALOG = Path(__file__).parent / "catalog"


class ElementFileError(TidingsError, ValueError):
    """An element's file is wrong; the message names the file and the place in it."""


@cache
def catalog() -> Mapping[str, Element]:
    """Every element by its key, as shipped."""
    folders = sorted(path.parent for path in CATALOG.glob("*/element.toml"))
    elements = [read_element(folder) for folder in folders]
    return {element.key: element for element in elements}


def read_element(folder: Path) -> Element:
    """The element that a folder describes; raises `ElementFileError`.

    `[every_resource]` of its file holds for each resource that does not say otherwise: tables are merged, `volatile`
    paths added. An entry of `../events.toml`, or of `../oauth.toml` for an element with OAuth, is replaced by an entry
    of the same key.
    """
    file = folder / "element.toml"
    written = _toml(file)
    every = written.pop("every_resource", {})
    for resource in written.get("resources", []):
        _complete(resource, every)
    if "generic" in written:
        template = {"path": "", "provider_path": "", "type": "record"} | written["generic"].pop("template", {})
        _complete(template, every)
        written["generic"]["template"] = template
    own = written.get("configuration", [])
    keys = {entry.get("key") for entry in own}
    shared = [entry for entry in _shared(folder, written) if entry.get("key") not in keys]
    written["configuration"] = [*shared, *own]
    readme = folder / "README.md"
    written["readme"] = readme.read_text("utf-8") if readme.exists() else ""
    try:
        element = msgspec.convert(written, Element, strict=True)
    except msgspec.ValidationError as error:
        raise ElementFileError(f"{file}: {_place(str(error), len(shared))}") from None
    element = replace(element, configuration=tuple(_entries(element)))
    if wrong := _contradiction(element, folder):
        raise ElementFileError(f"{file}: {wrong}")
    return element


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ElementFileError(f"{file}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ElementFileError(f"{file}: is not TOML ({error})") from None


def _shared(folder: Path, written: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The configuration that the element has in common with others."""
    authentication = written.get("authentication")
    oauth = isinstance(authentication, dict) and authentication.get("type") == "oauth2"
    files = ("events.toml", "oauth.toml") if oauth else ("events.toml",)
    return [entry for name in files for entry in _toml(folder.parent / name)["configuration"]]


def _complete(resource: dict[str, Any], every: Mapping[str, Any]) -> None:
    for key, value in every.items():
        if key == "volatile":
            resource[key] = [*value, *resource.get(key, [])]
        elif key == "fields":
            fields = resource.setdefault(key, {})
            for kind, names in value.items():
                fields[kind] = [*names, *fields.get(kind, [])]
        elif isinstance(value, dict):
            resource[key] = value | resource.get(key, {})
        else:
            resource.setdefault(key, value)


def _place(message: str, shared: int) -> str:
    """msgspec's message with `$.configuration[n]` counted as the element's own file counts."""

    def own(match: re.Match[str]) -> str:
        number = int(match[1])
        return f"configuration[{number - shared}]" if number >= shared else f"shared configuration[{number}]"

    return re.sub(r"configuration\[(\d+)\]", own, message).replace("`$.", "`")


def _entries(element: Element) -> list[ConfigurationEntry]:
    """The configuration in the order of a form, with ids and the defaults that follow from the resources."""
    computed = {
        "event.poller.configuration": msgspec.json.encode(element.polling).decode(),
        "event.poller.touched": ",".join(each.path for each in element.resources if each.touched == "announce"),
    }
    entries = [
        replace(entry, id=element.id * 1000 + entry.number, default=computed.get(entry.key, entry.default))
        for entry in element.configuration
    ]
    return sorted(entries, key=lambda entry: (entry.display_order, entry.number))


def _contradiction(element: Element, folder: Path) -> str | None:
    """What the types cannot say: names that must be equal, unique or known."""
    keys = {entry.key for entry in element.configuration}
    if element.key != folder.name:
        return f"key is {element.key!r} but the folder is called {folder.name!r}"
    for what, values in (
        ("configuration number", [str(entry.number) for entry in element.configuration]),
        ("configuration key", [entry.key.lower() for entry in element.configuration]),
        ("resource path", [resource.path for resource in element.resources]),
    ):
        if twice := {value for value in values if values.count(value) > 1}:
            return f"{what} {sorted(twice)[0]!r} stands there twice"
    used = {element.api.root, *(header.key for header in element.api.headers if header.key)}
    moved = element.api.discovery.path if element.api.discovery else ""
    templates = element.authentication.user, element.authentication.password, element.api.budget.account, moved
    oauth = element.authentication.oauth
    if wrong := _authentication_contradiction(element.authentication):
        return wrong
    addresses = (oauth.authorize, oauth.token) if oauth else ()
    queries = element.hints.key.query.values() if element.hints else ()
    used |= set(re.findall(r"\{([^{}]+)\}", " ".join((*templates, *addresses, *queries))))
    if unknown := used - keys:
        return f"configuration key {sorted(unknown)[0]!r} is used but has no [[configuration]] entry"
    for header in element.api.headers:
        if (header.value is None) == (header.key is None):
            return f"header {header.name!r} needs either a value or a key"
    for resource in element.resources:
        # What is only made here may stand elsewhere at the provider; its body says whose it is.
        elsewhere = "{id}" not in resource.provider_path and resource.verbs == ("create",)
        if resource.path.count("{id}") != resource.provider_path.count("{id}") and not elsewhere:
            return f"resource {resource.path!r} and its provider_path have different numbers of {{id}}"
    if element.custom_fields and element.resource(element.custom_fields.definitions) is None:
        return f"custom_fields names {element.custom_fields.definitions!r}, which is no resource"
    for name in element.polling:
        if element.resource(name) is None:
            return f"polling names {name!r}, which is no resource"
    return None


def _authentication_contradiction(authentication: Authentication) -> str | None:
    oauth = authentication.type == "oauth2"
    if oauth != (authentication.oauth is not None) or oauth != (authentication.scheme == "token"):
        return 'authentication of type "oauth2" has the scheme "token" and a table oauth, any other has neither'
    if oauth == bool(authentication.user or authentication.password):
        return "authentication has a user and a password, or is of type oauth2"
    return None
