"""How does a request come in and an answer go out? The one handler in front of everything."""

from collections.abc import Mapping
from email.utils import formatdate
from urllib.parse import unquote

import orjson
from aiohttp import web

from tidings.sandbox.answers import Answer, Refusal, cannot_route, method_not_allowed, no_endpoint
from tidings.sandbox.auth import authenticate
from tidings.sandbox.call import Call
from tidings.sandbox.callbacks import signing_key
from tidings.sandbox.limits import admit
from tidings.sandbox.paging import Parameters
from tidings.sandbox.routes import ROUTES
from tidings.sandbox.rules_system import CALLBACKS
from tidings.sandbox.sending import InPieces
from tidings.sandbox.tenant import ALIAS, Tenant

LONG_ADDRESS = 2000


class Front:
    """Takes requests apart, finds their operation and dresses the answers."""

    def __init__(self, tenants: Mapping[str, Tenant], client_ids: frozenset[str] | None) -> None:
        self._tenants = tenants
        self._client_ids = client_ids

    async def handle(self, request: web.Request) -> web.StreamResponse:
        target = request.raw_path
        path, _, query = target.partition("?")
        segments = [unquote(segment) for segment in path.split("/") if segment]
        body = await request.read() if request.can_read_body else b""
        tenant: Tenant | None = None
        try:
            if [segment.lower() for segment in segments[:2]] == ["login", "companyinfo"] and len(segments) == 3:
                return self._dress(Answer(200, self._company_info(segments[2])), None)
            if [segment.lower() for segment in segments[1:]] == ["system", "callbackkey", "index.rails"]:
                return self._dress(self._callback_key(Parameters.of(query)), None)
            headers = {name.lower(): value for name, value in request.headers.items()}
            tenant = authenticate(headers, self._tenants, self._client_ids)
            admit(tenant, len(target))
            tenant.settle()
            rest, address = _below_api(tenant, segments)
            call = Call(
                tenant=tenant,
                method=request.method,
                origin=(origin := f"{request.scheme}://{request.host}"),
                address=f"{origin}/{address}",
                numbers=tuple(int(segment) for segment in rest if _is_id(segment)),
                parameters=Parameters.of(query),
                headers=headers,
                body=body,
            )
            methods = ROUTES.get("/".join("{}" if _is_id(segment) else segment.lower() for segment in rest))
            if methods is None:
                raise no_endpoint()
            operation = methods.get(request.method)
            if operation is None:
                raise method_not_allowed()
            response = self._dress(operation(call), tenant)
        except Refusal as refusal:
            response = self._refuse(refusal, tenant)
        if len(target) > LONG_ADDRESS:
            response.headers["Warning"] = f'299 - "the address has {len(target)} characters, {LONG_ADDRESS} are safe"'
        return response

    def _company_info(self, company: str) -> bytes:
        """Codebase discovery (spec connectwise.md 1.2); `null` for a company that does not exist."""
        tenant = self._tenants.get(company)
        if tenant is None:
            return b"null"
        return orjson.dumps(
            {
                "CompanyName": company,
                "Codebase": f"{tenant.codebase}/",
                "VersionCode": f"v{tenant.version}",
                "VersionNumber": "v4.6.101234",
                "CompanyID": company,
                "IsCloud": True,
            }
        )

    def _callback_key(self, parameters: Parameters) -> Answer:
        """The key that a callback's messages are signed with, for whoever knows its id (6.4)."""
        tenant, key_id = self._tenants.get(parameters.text("companyName")), parameters.text("id")
        if tenant is None or all(each["connectWiseID"] != key_id for each in tenant.tables[CALLBACKS]):
            raise no_endpoint()
        return Answer(200, orjson.dumps({"signing_key": signing_key(tenant.account.company, key_id)}))

    def _dress(self, answer: Answer, tenant: Tenant | None) -> web.StreamResponse:
        headers = {**self._headers(tenant), **answer.headers}
        if answer.status == 204:
            return web.Response(status=204, headers=headers)
        headers["Content-Type"] = "application/json; charset=utf-8"
        if isinstance(answer.body, list):
            return InPieces(answer.body, status=answer.status, headers=headers)
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    def _refuse(self, refusal: Refusal, tenant: Tenant | None) -> web.Response:
        headers = {**self._headers(tenant), **refusal.headers}
        headers["Content-Type"] = f"{refusal.content_type}; charset=utf-8"
        return web.Response(status=refusal.status, body=refusal.body, headers=headers)

    def _headers(self, tenant: Tenant | None) -> dict[str, str]:
        tenant = tenant or next(iter(self._tenants.values()))
        return {"Date": formatdate(tenant.now(), usegmt=True), "api-current-version": tenant.version}


def _below_api(tenant: Tenant, segments: list[str]) -> tuple[list[str], str]:
    """What follows `/<codebase>/apis/3.0`, and the path as far as the client wrote it. Raises Refusal."""
    if len(segments) < 3 or [segment.lower() for segment in segments[1:3]] != ["apis", "3.0"]:
        raise no_endpoint()
    if "apis" in (segment.lower() for segment in segments[3:]):
        raise cannot_route()
    if segments[0].lower() not in (ALIAS, tenant.codebase):
        raise no_endpoint()
    return segments[3:], "/".join(segments)


def _is_id(segment: str) -> bool:
    return segment.isascii() and segment.isdigit()
