"""What every request passes: the most a body may have, and the token of a program that asks without the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from bethink.app.access.logins import asked_from
from bethink.app.access.users import Users

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PROGRAMS = ("/mcp", "/v1", "/metrics")
"""Paths that programs ask, with a token where there are users; everything else is the page."""
MAX_BODY = 4 * 1024 * 1024
MAX_PAGE_BODY = 16 * 1024 * 1024
"""Bytes; the page sends a whole chat back when a message in it is edited."""
PER_MINUTE = 300
"""Requests of one user to `PROGRAMS` within a minute."""


class Gate:
    """ASGI middleware: 413 for too large a body, 401 for a program without a token, 429 for one that asks too often.

    Whose token it was is ``request.state.user_id`` from here on, and nothing else in a request names a user.

    Args:
        app: what is behind it.
        users: whose tokens count; None: programs ask without one.
        max_upload: bytes of a file sent to the page.
    """

    def __init__(self, app: ASGIApp, users: Users | None = None, max_upload: int = 50_000_000) -> None:
        self.app, self.users, self.max_upload = app, users, max_upload
        self._allow: Callable[[str], bool] = lambda user: True
        if users is not None:
            from limits import RateLimitItemPerMinute
            from limits.storage import MemoryStorage
            from limits.strategies import MovingWindowRateLimiter

            window, item = MovingWindowRateLimiter(MemoryStorage()), RateLimitItemPerMinute(PER_MINUTE)
            self._allow = lambda user: window.hit(item, user)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        asked_from.set(request.client.host if request.client else "")
        program = any(request.url.path == path or request.url.path.startswith(f"{path}/") for path in PROGRAMS)
        if program and self.users is not None:
            user = _bearer(request, self.users)
            if user is None:
                said = "This address wants a token: Authorization: Bearer TOKEN. Get one with: bethink users token NAME"
                await _refuse(401, said, {"WWW-Authenticate": 'Bearer realm="bethink"'})(scope, receive, send)
                return
            if not self._allow(user):
                said = f"More than {PER_MINUTE} requests within a minute. Wait, then go on."
                await _refuse(429, said, {"Retry-After": "60"})(scope, receive, send)
                return
            request.state.user_id = user
            scope["user"] = _principal(user) or scope.get("user")
        await self._limited(request, self._most(request.url.path, program), send, receive)

    def _most(self, path: str, program: bool) -> int:
        if program:
            return MAX_BODY
        return self.max_upload + 1_000_000 if path.startswith("/gradio_api/upload") else MAX_PAGE_BODY

    async def _limited(self, request: Request, most: int, send: Send, receive: Receive) -> None:
        refuse = _refuse(413, f"The request has more than {most:,} bytes, which is the most here. Send less.")
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > most:
            await refuse(request.scope, receive, send)
            return
        read, begun, over = 0, False, False

        async def counted() -> Message:
            nonlocal read, over
            message = await receive()
            read += len(message.get("body", b""))
            if read <= most:
                return message
            if not over and not begun:
                await refuse(request.scope, receive, send)
            over = True
            return {"type": "http.disconnect"}  # as if the sender had gone: nothing more is read

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            if not over:
                await send(message)

        try:
            await self.app(request.scope, counted, noted)
        except Exception:
            if not over:
                raise


def bearer_user(users: Users | None, default_user: str) -> Callable[[Request], str]:
    """The function that says who asks, of a request that came through the :class:`Gate`.

    It raises ``HTTPException`` with status 401 for a request that did not, where there are users.
    """

    def user_of(request: Request) -> str:
        if users is None:
            return default_user
        found = getattr(request.state, "user_id", None)
        if found is None:
            from fastapi import HTTPException

            raise HTTPException(401, "A token is needed.", headers={"WWW-Authenticate": 'Bearer realm="bethink"'})
        return str(found)

    return user_of


def _bearer(request: Request, users: Users) -> str | None:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return users.user_of(token.strip()) if kind.lower() == "bearer" and token.strip() else None


def _principal(user: str) -> Any:
    """What the MCP SDK binds a session to, so that no other user's token goes on with it; None without the SDK."""
    try:
        from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
        from mcp.server.auth.provider import AccessToken
    except ImportError:
        return None
    return AuthenticatedUser(AccessToken(token="", client_id=user, scopes=[]))


def _refuse(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": {"message": message}}, status, headers)
