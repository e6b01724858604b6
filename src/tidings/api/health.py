"""Is this process alive, and can it do its work?"""

from __future__ import annotations

from starlette.responses import Response

from tidings.api.answers import answer
from tidings.api.call import CallIn
from tidings.api.documented import answers
from tidings.api.problems import Refused
from tidings.api.schemas import calls as shapes
from tidings.core.model import LaneKind


@answers(shapes.Health)
async def health(call: CallIn) -> Response:
    """Live: the process answers."""
    return answer({"status": "ok"})


@answers(shapes.Health, 503)
async def ready(call: CallIn) -> Response:
    """Ready: the database answers, the last write went through and everything was started; 503 says what is missing."""
    missing = call.parts.why_not_ready()
    if missing is None:
        try:
            await call.parts.store.next_due(LaneKind.POLL, call.parts.clock())
            failure = (await call.parts.store.figures()).failure
            missing = None if failure is None else f"The database cannot be written: {failure}"
        except Exception as error:
            missing = f"The database does not answer ({type(error).__name__})"
    if missing is not None:
        raise Refused(503, missing)
    return answer({"status": "ready"})
