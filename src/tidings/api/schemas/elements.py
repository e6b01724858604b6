"""How are elements and hubs answered?"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from tidings.api.schemas.shape import Shape, may_miss


class AuthenticationKind(Shape):
    type: str


class ElementShort(Shape):
    """An element as it stands inside an instance and in short lists."""

    id: int
    name: str
    key: str
    description: str
    image: str
    active: bool
    deleted: bool
    typeOauth: bool
    trialAccount: bool
    resources: list[Any] = Field(description="Empty in the short form.")
    transformationsEnabled: bool
    bulkDownloadEnabled: bool
    bulkUploadEnabled: bool
    cloneable: bool
    extendable: bool
    beta: bool
    authentication: AuthenticationKind
    extended: bool
    hub: str
    protocolType: str
    parameters: list[Any]
    private: bool = Field(description="Whether it is a clone of the account's own.")


class Choice(Shape):
    description: str
    value: str


class ConfigurationEntry(Shape):
    """What an instance of the element is configured with."""

    id: int
    name: str
    key: str
    description: str
    defaultValue: str | None
    resellerConfig: bool
    companyConfig: bool
    active: bool
    internal: bool
    groupControl: bool
    displayOrder: int
    type: str = Field(description="How a form asks for it, such as TEXTFIELD_128, PASSWORD or BOOLEAN.")
    hideFromConsole: bool
    required: bool
    options: list[Choice] = may_miss("What may be chosen.")


class ConfigurationValue(ConfigurationEntry):
    """An entry with its value at an instance."""

    propertyValue: str | None = Field(description="A secret that is set is masked.")


class ResourceParameter(Shape):
    id: int
    resourceId: int
    name: str
    vendorName: str
    description: str
    type: Literal["path", "query", "body"]
    vendorType: str
    dataType: str
    vendorDataType: str
    source: str
    required: bool


class ElementResource(Shape):
    """One method of one path."""

    id: int
    description: str
    path: str
    vendorPath: str
    method: str
    vendorMethod: str
    type: str
    kind: str
    parameters: list[ResourceParameter]
    hooks: list[Any]
    paginationType: str
    objectName: str
    primaryKey: str


class Element(ElementShort):
    """A whole element."""

    configDescription: str = Field(description="How to get the keys, in Markdown.")
    defaultTransformations: list[Any]
    childTransformationsEnabled: bool
    configuration: list[ConfigurationEntry]
    resources: list[ElementResource]
    hooks: list[Any]
    objects: list[Any]
    models: list[Any]


class EventsOfElement(Shape):
    supported: bool
    methods: list[str]
    polling: dict[str, Any] = Field(description="What an instance polls unless it says otherwise.")


class Discovery(Shape):
    customFields: bool
    customObjects: bool
    endpointCustomFields: bool
    endpointCustomObjects: bool


class BulkOfElement(Shape):
    upload: bool
    download: bool


class UsageOfElement(Shape):
    instanceCount: int
    customerCount: int
    traffic: int


class ApiOfElement(Shape):
    type: str
    contentType: str


class EventsOfResource(Shape):
    supported: bool
    methods: list[str]
    eventTypes: list[str]


class BulkSupport(Shape):
    supported: bool
    native: bool


class BulkOfResource(Shape):
    upload: BulkSupport
    download: BulkSupport


class CustomFieldOfResource(Shape):
    get: bool
    create: bool
    update: bool
    delete: bool


class ResourceMetadata(Shape):
    canonicalName: str
    operations: list[str]
    events: EventsOfResource
    bulk: BulkOfResource
    customField: CustomFieldOfResource


class ElementMetadata(Shape):
    """What an element can do; all behind `events` is there with `expand=true` only."""

    id: int
    key: str
    name: str
    description: str
    events: EventsOfElement
    image: str = may_miss()
    displayOrder: int = may_miss()
    active: bool = may_miss()
    beta: bool = may_miss()
    transformations: bool = may_miss()
    elementType: Literal["system", "clone"] = may_miss()
    churros: bool = may_miss()
    normalizedPaging: bool = may_miss()
    swaggerValidated: bool = may_miss()
    cloneable: bool = may_miss()
    authenticationType: str = may_miss()
    discovery: Discovery = may_miss()
    bulk: BulkOfElement = may_miss()
    usage: UsageOfElement = may_miss()
    api: ApiOfElement = may_miss()
    resources: list[ResourceMetadata] = may_miss()
    hub: str = may_miss()


class CatalogProperty(Shape):
    elementId: int
    hidden: bool
    position: int
    featured: bool


class Hub(Shape):
    """A family of elements with the same resources."""

    key: str
    name: str
    description: str
    active: bool
    elementCount: int
    resources: list[ElementResource] = may_miss("With hydrate=true.")


class OAuthUrl(Shape):
    element: str
    oauthUrl: str = Field(description="The page at the provider on which the account's owner agrees.")


class ObjectShort(Shape):
    name: str
    vendorName: str
    type: str


class FieldMethod(Shape):
    name: str
    request: bool
    response: bool


class ObjectField(Shape):
    """One field of an object, by the place that it has in a record."""

    path: str
    type: Literal["number", "boolean", "date", "string", "array"]
    vendorPath: str
    vendorDisplayName: str
    vendorNativeType: str
    vendorRequired: bool
    vendorReadOnly: bool
    hidden: bool
    filterable: bool
    createable: bool
    updateable: bool
    custom: bool = Field(description="Whether a user of the provider has defined it.")
    mask: str | None = Field(description="How a date is written.")
    displayName: str
    method: list[FieldMethod]


class ObjectMetadata(Shape):
    fields: list[ObjectField]


class Ping(Shape):
    dateTime: str
    endpoint: str
    valid: bool


class Validation(Shape):
    """Whether an instance's credentials work."""

    valid: bool
    checkedAt: str
    reason: str | None


Objects = Annotated[
    list[str] | list[ObjectShort], Field(description="Names; with Elements-Version: Helium, objects with their kind.")
]
