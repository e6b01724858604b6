"""What may clients write where the rules of `core` read it? For the OpenAPI document; what is wrong is told by name."""

from __future__ import annotations

from typing import Any, Final

from tidings.core.model import EventType, FailurePolicy
from tidings.core.roles import ROLES
from tidings.core.subscription import Format

TEXT: Final = {"type": ["string", "null"]}
FLAG: Final = {"type": ["boolean", "null"]}
NUMBER: Final = {"type": ["number", "string", "null"]}
COUNT: Final = {"type": ["integer", "null"], "minimum": 0}

ACCOUNT: Final[dict[str, Any]] = {
    "properties": {"externalId": TEXT, "name": TEXT, "description": TEXT, "active": FLAG},
    "examples": [{"externalId": "acme", "name": "Acme Ltd."}],
}
USER: Final[dict[str, Any]] = {
    "properties": {
        "firstName": TEXT,
        "lastName": TEXT,
        "email": TEXT,
        "password": TEXT,
        "active": FLAG,
        "roles": {
            "type": ["array", "null"],
            "description": f"Keys ({', '.join(ROLES)}), or roles as they are answered.",
            "items": {"type": ["string", "object"]},
        },
    }
}
POLICY: Final[dict[str, Any]] = {
    "properties": {
        "minLength": COUNT,
        "minUppercase": COUNT,
        "minLowercase": COUNT,
        "minNumbers": COUNT,
        "minSymbols": COUNT,
        "symbolCharacterSet": TEXT,
        "previousPasswordCount": COUNT,
        "expirationDays": COUNT,
    }
}
SUBSCRIPTION: Final[dict[str, Any]] = {
    "properties": {
        "url": {"type": "string", "description": "Where it is delivered."},
        "signatureKey": TEXT,
        "headers": {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
        "basic": {"type": ["object", "null"], "properties": {"username": TEXT, "password": TEXT}},
        "format": {"enum": [*Format, None]},
        "filter": {
            "type": ["object", "null"],
            "properties": {
                "resources": {"type": ["array", "null"], "items": {"type": "string"}},
                "eventTypes": {
                    "type": ["array", "null"],
                    "items": {"type": "string", "description": " or ".join(EventType)},
                },
                "changed": {"type": ["array", "null"], "items": {"type": "string", "description": "A JSON pointer."}},
            },
        },
        "schedule": {"type": ["array", "null"], "items": {"type": ["number", "string"]}, "description": "Seconds."},
        "jitter": NUMBER,
        "rate": NUMBER,
        "concurrency": NUMBER,
        "policy": {"enum": [*FailurePolicy, None]},
    }
}
#: What stands in a form.
FORM: Final[dict[str, Any]] = {"type": "object", "additionalProperties": True}
FILE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "The rows, as CSV or JSON."},
        "metaData": {"type": "string", "description": "JSON: `format`, `action`, `fileName`, `callback-payload`."},
    },
}
