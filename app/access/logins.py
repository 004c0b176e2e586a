"""Logins to the page: Gradio asks whether a password is right, and keeps who is logged in here."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, MutableMapping
from contextvars import ContextVar

from bethink.app.access.users import Users

log = logging.getLogger(__name__)

PER_MINUTE, PER_ADDRESS = 5, 30
"""Tries within a minute: of one name from one address, and of all names from one address."""
HASHES_AT_ONCE = 2
"""Each takes 64 MiB."""
SESSION_S = 24 * 3600.0
SESSIONS = 10_000
TOLD = "Five tries a minute for each name; then wait a minute."

asked_from: ContextVar[str] = ContextVar("asked_from", default="")
"""The address of the request at hand."""


class Logins:
    """Gradio's ``auth``: ``await check(name, password)``. Tries are counted before a password is looked at."""

    def __init__(self, users: Users, per_minute: int = PER_MINUTE, per_address: int = PER_ADDRESS) -> None:
        from limits import RateLimitItemPerMinute
        from limits.storage import MemoryStorage
        from limits.strategies import MovingWindowRateLimiter

        self.users = users
        self._window = MovingWindowRateLimiter(MemoryStorage())
        self._name, self._address = RateLimitItemPerMinute(per_minute), RateLimitItemPerMinute(per_address)
        self._room = asyncio.Semaphore(HASHES_AT_ONCE)

    async def check(self, name: str, password: str) -> bool:
        """Whether they may come in.

        Raises:
            HTTPException: status 429, after too many tries within a minute.
        """
        from fastapi import HTTPException

        address = asked_from.get()
        # names of any length must not fill the memory, and capitals are no way round
        key = name[:65].casefold()
        if not (self._window.hit(self._address, address) and self._window.hit(self._name, address, key)):
            log.warning("too many logins from %s", address)
            raise HTTPException(429, "Too many tries. Wait a minute.", headers={"Retry-After": "60"})
        async with self._room:
            good = await asyncio.to_thread(self.users.check, name, password)
        if not good:
            log.warning("a login from %s was refused", address)
        return good


class Sessions(MutableMapping[str, str]):
    """Who is logged in, by the token in their cookie; takes the place of the ``tokens`` of Gradio's app.

    A session ends after `SESSION_S` seconds, at logout, and as soon as its user is removed or gets a new password.
    """

    def __init__(self, users: Users, session_s: float = SESSION_S) -> None:
        self.users, self.session_s = users, session_s
        self._kept: dict[str, tuple[str, str, float]] = {}

    def __getitem__(self, token: str) -> str:
        name, stamp, until = self._kept[token]
        if time.monotonic() > until or self.users.stamp(name) != stamp:
            self._kept.pop(token, None)
            raise KeyError(token)
        return name

    def __setitem__(self, token: str, name: str) -> None:
        stamp = self.users.stamp(name)
        if stamp is not None:
            self._kept[token] = (name, stamp, time.monotonic() + self.session_s)
        while len(self._kept) > SESSIONS:
            self._kept.pop(next(iter(self._kept)), None)  # the oldest

    def __delitem__(self, token: str) -> None:
        del self._kept[token]

    def __iter__(self) -> Iterator[str]:
        return iter([token for token in list(self._kept) if self.get(token) is not None])

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, cookies: dict[str, str], cookie_id: str) -> str | None:
        """Whose cookies these are; ``cookie_id`` is that of Gradio's app."""
        tokens = (cookies.get(f"access-token-{kind}{cookie_id}") for kind in ("", "unsecure-"))
        return next((name for token in tokens if token and (name := self.get(token))), None)
