"""What do the system endpoints tell: the server, the audit trail, callbacks that do not exist?"""

from typing import Any

import orjson

from tidings.sandbox.answers import Answer, Problem, invalid, no_endpoint
from tidings.sandbox.call import Call, Operation
from tidings.sandbox.catalog import RESOURCES, SCHEMAS
from tidings.sandbox.reading import plain_count, plain_list
from tidings.sandbox.rules_system import CALLBACKS
from tidings.sandbox.writer import Writer

AUDIT = RESOURCES["system/audittrail"]


def _info(call: Call) -> Answer:
    """Spec connectwise.md 1.6; the zone is that of the server's screens, the API speaks UTC regardless."""
    info = {
        "version": f"v{call.tenant.version}.101234",
        "isCloud": True,
        "serverTimeZone": "Eastern Standard Time",
        "licenseBits": [{"name": "cwg", "activeFlag": True}],
        "cloudRegion": "NA",
        "maxWorkFlowRecordsAllowed": 1000,
    }
    return Answer(200, orjson.dumps(info))


def _trail(call: Call) -> list[Any]:
    kind, number = call.parameters.text("type"), call.parameters.number("id")
    lacking = [name for name, value in (("type", kind), ("id", number)) if value in ("", None)]
    if lacking or number is None:
        problems = [Problem("MissingRequiredField", f"The {name} field is required.", name) for name in lacking]
        raise invalid(AUDIT.camel, problems)
    return call.tenant.audit.read(kind, number)


def _delete_callback(call: Call) -> Answer:
    """An unknown one is answered as if there were no such path (spec connectwise.md 6.1)."""
    number = call.numbers[-1]
    if call.tenant.newest(CALLBACKS, number) is None:
        raise no_endpoint()
    Writer(call.tenant).delete(CALLBACKS, number)
    return Answer(204)


SYSTEM_ROUTES: dict[str, dict[str, Operation]] = {
    "system/info": {"GET": _info},
    "system/audittrail": {"GET": plain_list(_trail, SCHEMAS[AUDIT.path])},
    "system/audittrail/count": {"GET": plain_count(_trail, SCHEMAS[AUDIT.path])},
    "system/callbacks/{}": {"DELETE": _delete_callback},
}
