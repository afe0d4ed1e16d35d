"""The C2PA Soft Binding Resolution API 1.0 as an ASGI application, and the signed registry beside it.

Public and without accounts: it gives away what `twinbook registry export` does, and the manifests that released copies carry.
docs/reference/resolution.md says what is answered, and what isn't.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from twinbook.domain.errors import Reason, TwinbookError, reason
from twinbook.services import registry, resolve
from twinbook.services.office import Office

from .limits import Allowance, read_body

LARGEST_PICTURE = 32 * 2**20  # bytes
LARGEST_QUERY = 64 * 2**10
LONGEST_VALUE = 2048  # characters in a URL
_MOST_RESULTS = 100
_BODY_SECONDS = 30.0
_PICTURES_AT_ONCE = 2
_PICTURES_WAITING = 8
_MEDIA = ("image/jpeg", "image/png", "image/webp", "image/avif")
_COSTS = {"/matches/byContent": 5.0, "/registry": 5.0}
_STATUS = {"manifest.unknown": 404, "manifest.revoked": 410, "home.busy": 503, "home.disk": 503}
_OF_STATUS = {
    404: ("service.path", "there is no such path"),
    405: ("service.path", "this path isn't asked in this way"),
    408: ("service.slow", "the request took too long to arrive"),
    413: ("service.large", "the request is too large"),
    414: ("service.large", "the value is too long for a URL: use POST"),
    415: ("service.media", f"the asset must be one of {', '.join(_MEDIA)}"),
    429: ("service.often", "this client asks too often"),
    503: ("service.busy", "too many pictures are being looked at"),
}
_Answer = TypeVar("_Answer")


def resolution_app(office: Office, allowance: Allowance | None = None) -> Starlette:
    """The application. By default a client has 60 questions at once and one more a second; a picture counts for five."""
    handlers = _Handlers(office)
    routes = [
        Route("/matches/byBinding", handlers.by_binding, methods=["GET"]),
        Route("/matches/byBinding", handlers.by_large_binding, methods=["POST"]),
        Route("/matches/byContent", handlers.by_content, methods=["POST"]),
        Route("/manifests/{manifest_id}", handlers.manifest, methods=["GET"]),
        Route("/services/supportedAlgorithms", handlers.algorithms, methods=["GET"]),
        Route("/registry", handlers.registry, methods=["GET"]),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(_Guarded, allowance=allowance or Allowance(60, 1.0))],
        exception_handlers={TwinbookError: _told, HTTPException: _refused, Exception: _broken},
    )


class _Guarded:
    """Counts every question before anything is done for it, and gives every answer the headers of data that are no page."""

    def __init__(self, app: ASGIApp, allowance: Allowance) -> None:
        self._app, self._allowance = app, allowance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client = scope["client"][0] if scope.get("client") else ""
        wait = self._allowance.take(client, _COSTS.get(scope["path"], 1.0))

        async def guarded(message: dict) -> None:
            if message["type"] == "http.response.start":
                headers = message.setdefault("headers", [])
                headers += [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]
            await send(message)

        if wait:
            answer = _problem(429, {"retry-after": str(math.ceil(wait))})
            await answer(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)


class _Handlers:
    def __init__(self, office: Office) -> None:
        self._office = office
        self._pictures = anyio.CapacityLimiter(_PICTURES_AT_ONCE)

    async def by_binding(self, request: Request) -> Response:
        alg, value = (_text(request.query_params, name) for name in ("alg", "value"))
        if len(value) > LONGEST_VALUE:
            raise HTTPException(414)
        return _matches(await _aside(resolve.by_binding, self._office, alg, value, _most(request)))

    async def by_large_binding(self, request: Request) -> Response:
        body = await read_body(request, LARGEST_QUERY, _BODY_SECONDS)
        try:
            query = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise HTTPException(400, "the body is no JSON") from error
        if not isinstance(query, dict):
            raise HTTPException(400, "the body is no JSON object")
        alg, value = (_text(query, name) for name in ("alg", "value"))
        return _matches(await _aside(resolve.by_binding, self._office, alg, value, _most(request)))

    async def by_content(self, request: Request) -> Response:
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media not in _MEDIA:
            raise HTTPException(415)
        query = request.query_params
        hint = (_text(query, "hintAlg"), _text(query, "hintValue")) if "hintAlg" in query else None
        if self._pictures.statistics().tasks_waiting >= _PICTURES_WAITING:
            raise HTTPException(503)
        data = await read_body(request, LARGEST_PICTURE, _BODY_SECONDS)
        ask = partial(resolve.by_content, self._office, data, query.get("alg"), hint, _most(request))
        return _matches(await anyio.to_thread.run_sync(ask, limiter=self._pictures))

    async def manifest(self, request: Request) -> Response:
        active = request.query_params.get("returnActiveManifest", "false").lower()
        if active not in ("true", "false"):
            raise HTTPException(400, "returnActiveManifest is true or false")
        manifest_id = request.path_params["manifest_id"]
        if len(manifest_id) > 200:
            raise HTTPException(400, "that is no id of a manifest")
        store = await _aside(resolve.manifest_of, self._office, manifest_id, active == "true")
        return Response(store, media_type="application/c2pa")

    async def algorithms(self, _request: Request) -> Response:
        return JSONResponse(resolve.algorithms())

    async def registry(self, _request: Request) -> Response:
        return JSONResponse(await _aside(registry.export, self._office))


async def _aside(ask: Callable[..., _Answer], *arguments: object) -> _Answer:
    """Services wait for disks and databases, which the loop must not."""
    return await anyio.to_thread.run_sync(partial(ask, *arguments))


def _text(values: Mapping[str, object], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not value:
        raise HTTPException(400, f"{name} is missing, or no text")
    return value


def _most(request: Request) -> int:
    text = request.query_params.get("maxResults", "10")
    if not text.isdecimal() or not text.isascii() or not 1 <= int(text[:9]) <= 10**8:
        raise HTTPException(400, "maxResults is a number of 1 or more")
    return min(int(text[:9]), _MOST_RESULTS)


def _matches(found: list[resolve.Resolved]) -> Response:
    listed = [
        {"manifestId": each.manifest} | ({} if each.score is None else {"similarityScore": each.score})
        for each in found
    ]
    return JSONResponse({"matches": listed})


def _told(_request: Request, error: Exception) -> Response:
    assert isinstance(error, TwinbookError)
    return _as_json(_STATUS.get(error.code, 400), error.reason)


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said = error.detail if error.status_code == 400 and error.detail != "Bad Request" else ""
    return _problem(error.status_code, error.headers, said)


def _broken(_request: Request, _error: Exception) -> Response:
    return _as_json(500, reason("service.failed", "the service failed; its operator can see why"))


def _problem(status: int, headers: Mapping[str, str] | None = None, said: str = "") -> Response:
    code, diagnosis = _OF_STATUS.get(status, ("service.request", said or "the request can't be understood"))
    return _as_json(status, reason(code, diagnosis), headers)


def _as_json(status: int, why: Reason, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": why.document()}, status, headers)
