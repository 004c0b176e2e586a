"""Errors as OpenAI's clients read them, and the limit on what is read of a body."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from starlette.types import Message

MAX_BODY = 4 * 1024 * 1024
"""Bytes of a request."""
_CODES = {401: "invalid_api_key", 404: "not_found", 413: "request_too_large", 429: "rate_limit_exceeded"}
_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


class APIError(HTTPException):
    """What is wrong with a request, or with answering it, as OpenAI's clients show it."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, headers)
        self.code, self.param = code or _CODES.get(status), param

    def as_dict(self) -> dict[str, Any]:
        """``{"error": {"message", "type", "param", "code"}}``."""
        kind = _TYPES.get(self.status_code, "server_error" if self.status_code >= 500 else "invalid_request_error")
        return {"error": {"message": self.detail, "type": kind, "param": self.param, "code": self.code}}


class OpenAIRoute(APIRoute):
    """A route that reads at most :data:`MAX_BODY` bytes, and whose errors have OpenAI's shape."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler with both around it."""
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handler(Request(request.scope, _bounded(request)))
            except RequestValidationError as problem:
                error = _wrong(problem)
            except APIError as problem:
                error = problem
            except HTTPException as problem:
                error = APIError(problem.status_code, str(problem.detail), headers=problem.headers)
            return JSONResponse(error.as_dict(), error.status_code, error.headers)

        return answer


def _bounded(request: Request) -> Callable[[], Coroutine[Any, Any, Message]]:
    size = 0

    async def receive() -> Message:
        nonlocal size
        message = await request.receive()
        size += len(message.get("body", b""))
        if size > MAX_BODY:
            raise APIError(413, f"The request is larger than {MAX_BODY:,} bytes. Send fewer or shorter messages.")
        return message

    return receive


def _wrong(problem: RequestValidationError) -> APIError:
    first = problem.errors()[0]
    place = ".".join(str(part)[:100] for part in first["loc"] if part != "body")
    return APIError(
        400, f"{place or 'The body'}: {str(first['msg'])[:300]}.", code="invalid_value", param=place or None
    )
