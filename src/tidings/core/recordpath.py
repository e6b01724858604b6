"""Which member of a record a configured path points to: `a.b`, `['Modified Time']`, `@.@id`."""

import re
from typing import Final

_STEP: Final = re.compile(r"""\.([^.\[\]'"]+)|\[(?:'([^']+)'|"([^"]+)")\]""")


def read(text: str) -> tuple[str, ...]:
    """The names on the way to the member, outermost first; a leading `$.` or `@.` stands for the record itself.

    Raises ValueError with what to write instead.
    """
    rest = re.sub(r"^[$@](?=[.\[])", "", text.strip())
    if not rest.startswith((".", "[")):
        rest = "." + rest
    names: list[str] = []
    while rest:
        match = _STEP.match(rest)
        if match is None:
            raise ValueError(f"`{text}` is not a path: write one such as id, user.id or ['Modified Time']")
        names.append(match[1] or match[2] or match[3])
        rest = rest[match.end() :]
    return tuple(names)
