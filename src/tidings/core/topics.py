"""What is the topic of an instance's events called? (spec platform.md 4.8)"""

from __future__ import annotations

import re

_TOPIC = re.compile(r"instance-(\d{1,18})-(.+)-events")


def topic_of(instance_id: int, element_key: str) -> str:
    """
    >>> topic_of(7, "connectwisecrmrest")
    'instance-7-connectwisecrmrest-events'
    """
    return f"instance-{instance_id}-{element_key}-events"


def instance_in(topic: str) -> tuple[int, str] | None:
    """The instance's id and its element's key; None for a topic of another form."""
    found = _TOPIC.fullmatch(topic)
    return (int(found[1]), found[2]) if found and found[1].isascii() else None
