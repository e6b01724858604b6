"""Which resources does the sandbox have, and what may a filter name in each?"""

from collections.abc import Mapping

from tidings.sandbox.catalog_company import COMPANY_RESOURCES
from tidings.sandbox.catalog_contacts import CONTACT_RESOURCES
from tidings.sandbox.catalog_service import SERVICE_RESOURCES
from tidings.sandbox.catalog_system import SYSTEM_RESOURCES
from tidings.sandbox.catalog_work import WORK_RESOURCES
from tidings.sandbox.conditions import FieldSchema
from tidings.sandbox.describe import Resource, filter_kinds

_ALL = (*CONTACT_RESOURCES, *COMPANY_RESOURCES, *SERVICE_RESOURCES, *WORK_RESOURCES, *SYSTEM_RESOURCES)

RESOURCES: Mapping[str, Resource] = {resource.path: resource for resource in _ALL}

_LABELS = {path: resource.label for path, resource in RESOURCES.items()}
_ENUMS = {"communicationItems/communicationType": ("Email", "Phone", "Fax")}


def _schema(resource: Resource) -> FieldSchema:
    kinds = filter_kinds(resource, _LABELS)
    return FieldSchema.of(
        kinds,
        unfilterable=(each.name for each in resource.fields.values() if each.has("unfilterable")),
        enums={
            **{each.name: each.values for each in resource.fields.values() if each.values},
            **{name: values for name, values in _ENUMS.items() if name in kinds},
        },
    )


SCHEMAS: Mapping[str, FieldSchema] = {path: _schema(resource) for path, resource in RESOURCES.items()}
