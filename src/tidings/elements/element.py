"""What an element is: a connector to one SaaS product, as its folder describes it and as the API shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import replace

from tidings.elements.pages import Paging

FieldType = Literal["int", "decimal", "bool", "datetime", "string", "array"]

#: What can be done with a collection (`list`, `create`, and `attach` something that stands elsewhere), and with one
#: record of it.
Verb = Literal["list", "create", "attach", "read", "update", "replace", "delete"]


class Option(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One choice of a COMBO entry."""

    value: str
    description: str


class ConfigurationEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One key of an instance's configuration. `default` is text or nothing, whatever the key means.

    `secret` values are encrypted at rest and never shown; `hidden` ones stand in no form. `number` is the entry's own
    within its element and never changes; `id` (spec platform.md 2.3) follows from it.
    """

    number: int
    key: str
    name: str
    description: str
    type: Literal[
        "TEXTFIELD_32",
        "TEXTFIELD_64",
        "TEXTFIELD_128",
        "TEXTFIELD_1000",
        "TEXTAREA",
        "BOOLEAN",
        "PASSWORD",
        "COMBO",
    ]
    display_order: int
    default: str | None = None
    required: bool = False
    secret: bool = False
    hidden: bool = False
    options: tuple[Option, ...] = ()
    id: int = 0

    def describe(self) -> dict[str, Any]:
        """The entry as the API shows it (spec platform.md 2.3), ready for JSON."""
        shown: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "key": self.key,
            "description": self.description,
            "defaultValue": self.default,
            "resellerConfig": False,
            "companyConfig": False,
            "active": True,
            "internal": False,
            "groupControl": False,
            "displayOrder": self.display_order,
            "type": self.type,
            "hideFromConsole": self.hidden,
            "required": self.required,
        }
        if self.options:
            shown["options"] = [{"description": each.description, "value": each.value} for each in self.options]
        return shown


class FieldTypes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The types of a resource's fields, for translating CEQL: names by type. A reference `company` stands for
    `company.id` (int), `company.identifier` and `company.name` (strings); an array cannot be searched by."""

    int: tuple[str, ...] = ()
    decimal: tuple[str, ...] = ()
    bool: tuple[str, ...] = ()
    datetime: tuple[str, ...] = ()
    string: tuple[str, ...] = ()
    array: tuple[str, ...] = ()
    reference: tuple[str, ...] = ()

    def by_name(self) -> dict[str, FieldType]:
        types: dict[str, FieldType] = {}
        for name in self.reference:
            types |= {f"{name}.id": "int", f"{name}.identifier": "string", f"{name}.name": "string"}
        kinds: tuple[FieldType, ...] = ("int", "decimal", "bool", "datetime", "string", "array")
        return types | {name: kind for kind in kinds for name in getattr(self, kind)}


class Search(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name that a query may use for a `value` in the members of a `list` of the record: of all, or of those `only`
    whose members say so (`email` for the value of a communication item whose type is Email)."""

    list: str
    value: str
    only: Mapping[str, str] = {}


class Resource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One collection of the provider.

    `path` is the platform's (`contacts`, `incidents/{id}/comments`), `provider_path` the provider's. `id`, `stamp`,
    `created` and `deleted` are dotted paths in a record, empty where it has no such value; `deleted` is a flag that
    marks a record as deleted while it is still listed. `stamp_condition` is the stamp's name in a filter. `volatile`
    paths (segments joined by `/`, `*` for any one segment) say nothing about whether a record changed. `touched` says
    whether a moved stamp on equal content is news. `aliases` maps names of CEQL to paths in a record. `verbs` are what
    the hub does with it; `filters` says whether the provider can select by conditions, or we have to; `searches` are
    names of CEQL for what stands in a list. `given` are members that a new record has where nobody says otherwise,
    `{id}` for the id in its path. `reads_back` says that the provider answers with a new record without all of it, so
    that it is read once more.
    """

    path: str
    provider_path: str
    type: str
    description: str = ""
    id: str
    stamp: str = ""
    stamp_condition: str = ""
    created: str = ""
    deleted: str = ""
    paging: Paging
    touched: Literal["announce", "ignore"] = "ignore"
    volatile: tuple[str, ...] = ()
    fields: FieldTypes = FieldTypes()
    aliases: Mapping[str, str] = {}
    verbs: tuple[Verb, ...] = ("list", "create", "read", "update", "replace", "delete")
    filters: bool = True
    searches: Mapping[str, Search] = {}
    given: Mapping[str, Any] = {}
    reads_back: bool = False

    @property
    def field_types(self) -> Mapping[str, FieldType]:
        """Types by dotted field name, for translating a CEQL query; a name that is missing has no known type."""
        return self.fields.by_name()

    @property
    def id_path(self) -> tuple[str, ...]:
        return path_of(self.id)

    @property
    def stamp_path(self) -> tuple[str, ...]:
        return path_of(self.stamp)

    @property
    def created_path(self) -> tuple[str, ...]:
        return path_of(self.created)

    @property
    def deleted_path(self) -> tuple[str, ...]:
        return path_of(self.deleted)

    def at(self, path: str) -> Resource | None:
        """This resource with the ids of `path` filled in (`incidents/{id}/comments` at `incidents/7/comments` reads
        `/service/tickets/7/notes`), or None when `path` is another resource's."""
        pattern = re.escape(self.path).replace(r"\{id\}", r"([\w-]+)")
        if not (match := re.fullmatch(pattern, path, re.ASCII)):
            return None
        filled = self.provider_path
        for each in match.groups():
            filled = filled.replace("{id}", each, 1)
        return replace(self, path=path, provider_path=filled)


class OAuth(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How an account is opened by OAuth 2, with an authorization code and refresh tokens (RFC 6749 4.1 and 6).

    `authorize` is the page where its owner agrees, `token` where codes and refresh tokens are changed for tokens: both
    templates over configuration keys. `client` says how our application proves itself there: by HTTP Basic, or in the
    body. The access token goes into the header Authorization behind `name`, or into the query as `name`. `margin` is
    how many seconds before its end a token is renewed. `asks` are further parameters of the page
    (`access_type = "offline"`).
    """

    authorize: str
    token: str
    scopes: tuple[str, ...] = ()
    scope_separator: str = " "
    client: Literal["basic", "body"] = "basic"
    place: Literal["header", "query"] = "header"
    name: Annotated[str, msgspec.Meta(pattern=r"^[!-~]+$")] = "Bearer"
    margin: Annotated[int, msgspec.Meta(ge=0)] = 300
    pkce: bool = False
    asks: Mapping[str, str] = {}


class Authentication(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a request proves who asks: HTTP Basic with templates over configuration keys (`{company}+{public.key}`), or a
    token that the account's owner has allowed us to have."""

    type: Literal["custom", "basic", "oauth2"]
    scheme: Literal["basic", "token"]
    user: str = ""
    password: str = ""
    oauth: OAuth | None = None


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One header sent with every request: fixed text, or the value of a configuration `key` (then it is left out when
    neither the instance nor the server's `setting` has one)."""

    name: str
    value: str | None = None
    key: str | None = None
    setting: str | None = None


class RequestBudget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the provider can take from one tenant: requests in any minute (None: as many as we like) and at once.

    Whose requests are counted together: those to one host with the same `account`, a template over configuration keys.
    """

    account: str = ""
    requests_a_minute: Annotated[int, msgspec.Meta(ge=1)] | None = None
    concurrent: Annotated[int, msgspec.Meta(ge=1)] = 4


class Discovery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a provider says where an account's API has moved to: `path` is asked for on the API's host (a template over
    configuration keys), `member` of the answer stands between host and `below` in the root."""

    path: str
    member: str
    below: str


class Api(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the provider is reached: the configuration key that holds its root, a cheap request that only good
    credentials can make, the most rows a page may have, the headers of every request, and how often it may be asked.

    `passes` are headers that it takes from whoever writes to it through us, such as Idempotency-Key. `mistakes` are how
    its words begin where it answers 500 to a body that is wrong.
    """

    root: str
    check: str
    page_size: int
    headers: tuple[Header, ...] = ()
    budget: RequestBudget = RequestBudget()
    discovery: Discovery | None = None
    passes: tuple[str, ...] = ()
    mistakes: tuple[str, ...] = ()


class HintKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the provider keeps the keys that its hints are signed with: how the `path` of a key's address ends, the
    member of the answer that is the key, what must stand in the `query` (templates over configuration keys, so that it
    is this account's), and what its host may lack that the API's host has in front."""

    path: str
    member: str
    query: Mapping[str, str] = {}
    host_prefix: str = ""


class HintRegistration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How hints are asked for: below `path` registrations are listed, made (POST) and removed (DELETE by id).

    `find` is the condition that lists ours, with our `{token}`; `address` what the provider is given for `{address}`;
    `record` what a new one says besides. The others are the names of a registration's members.
    """

    path: str
    find: str
    address: str
    record: Mapping[str, Any] = {}
    id: str = "id"
    type: str = "type"
    url: str = "url"
    inactive: str = ""


class Hints(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the provider tells at once that something has changed, and of which resources.

    A hint is a signed JSON object: the header `signature` holds the signature of core/hints.py, `type` and `key_url`
    are dotted paths in it. `types` maps paths of the provider's resources (with `{id}` for any one segment) to the type
    that a hint names them by.
    """

    signature: str
    type: str
    key_url: str
    key: HintKey
    registration: HintRegistration
    types: Mapping[str, str]

    def type_of(self, provider_path: str) -> str | None:
        """The type by which hints name a resource of the provider, None when there are none for it.

        With `"/tickets/{id}/notes" = "ticket"`, `/tickets/7/notes` is a ticket and `/notes` is nothing.
        """
        for pattern, type in self.types.items():
            if re.fullmatch(re.escape(pattern).replace(r"\{id\}", r"[^/]+"), provider_path):
                return type
        return None


class Generic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Collections that stand under their provider path's own name (`finance/agreements`), below these modules."""

    modules: tuple[str, ...]
    template: Resource


class CustomFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The fields that a tenant defines for itself: `definitions` is the path of the resource whose records define them,
    `member` the list of them that a record has. The others are members of a definition, `listed_type` of one in a
    record; `place` is where people see it. `types` maps the provider's types to ours, any other is a string."""

    definitions: str
    member: str
    caption: str
    type: str
    listed_type: str
    required: str
    read_only: str
    place: str
    types: Mapping[str, FieldType] = {}


class Element(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A connector. `version` grows when the same record would be compared differently; `readme` says how to get the
    keys (Markdown, shown to users); `polling` is the default `event.poller.configuration`. An inactive one takes no new
    instances; a private one is an account's own."""

    id: int
    key: str
    version: int
    name: str
    description: str
    hub: str
    image: str
    authentication: Authentication
    api: Api
    configuration: tuple[ConfigurationEntry, ...]
    resources: tuple[Resource, ...]
    polling: Mapping[str, Mapping[str, Any]]
    generic: Generic | None = None
    hints: Hints | None = None
    custom_fields: CustomFields | None = None
    readme: str = ""
    active: bool = True
    private: bool = False

    def resource(self, path: str) -> Resource | None:
        """The resource at a platform path without hub and query (`contacts`, `incidents/7/comments`), or None."""
        path = path.strip("/")
        for each in self.resources:
            if found := each.at(path):
                return found
        modules = self.generic.modules if self.generic else ()
        if self.generic and path.split("/", 1)[0] in modules and re.fullmatch(r"[\w-]+(/[\w-]+)+", path, re.A):
            return replace(self.generic.template, path=path, provider_path=f"/{path}")
        return None

    def entry(self, key: str) -> ConfigurationEntry | None:
        """The configuration entry with this key, exactly or in any letter case."""
        folded = key.lower()
        return next((each for each in self.configuration if each.key == key), None) or next(
            (each for each in self.configuration if each.key.lower() == folded), None
        )

    @property
    def account_keys(self) -> tuple[str, ...]:
        """The configuration keys that name the account at the provider, whatever its address and credentials are."""
        return tuple(re.findall(r"\{([^{}]+)\}", self.api.budget.account))

    def abridged(self) -> dict[str, Any]:
        """The element inside an instance and in short lists (spec platform.md 3.2), ready for JSON."""
        return {
            "id": self.id,
            "name": self.name,
            "key": self.key,
            "description": self.description,
            "image": self.image,
            "active": self.active,
            "deleted": False,
            "typeOauth": self.authentication.oauth is not None,
            "trialAccount": False,
            "resources": [],
            "transformationsEnabled": True,
            "bulkDownloadEnabled": True,
            "bulkUploadEnabled": True,
            "cloneable": True,
            "extendable": False,
            "beta": False,
            "authentication": {"type": self.authentication.type},
            "extended": False,
            "hub": self.hub,
            "protocolType": "http",
            "parameters": [],
            "private": self.private,
        }


def path_of(dotted: str) -> tuple[str, ...]:
    """The keys that a dotted path leads through; none for an empty one.

    >>> path_of("_info.lastUpdated")
    ('_info', 'lastUpdated')
    """
    return tuple(dotted.split(".")) if dotted else ()
