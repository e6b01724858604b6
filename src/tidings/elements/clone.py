"""What is a clone of an element? The same connector, under another id, key, name and description."""

from __future__ import annotations

from msgspec.structs import replace

from tidings.core.model import ElementClone
from tidings.elements.element import Element

#: The key of an OAuth application; its default is not copied (spec platform.md 2.1).
APPLICATION = "oauth.api.key"


def cloned(element: Element, clone: ElementClone | None) -> Element:
    """The element as the clone of it is shown; itself without one. The ids of its configuration follow from its own."""
    if clone is None:
        return element
    entries = (replace(entry, id=clone.id * 1000 + entry.number) for entry in element.configuration)
    return replace(
        element,
        id=clone.id,
        key=clone.key,
        name=clone.name,
        description=clone.description,
        active=clone.active,
        private=True,
        # Whose application asks is not for everybody who copies the element.
        configuration=tuple(replace(each, default=None) if each.key == APPLICATION else each for each in entries),
    )
