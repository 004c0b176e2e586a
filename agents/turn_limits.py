"""How many turns a user may ask for in a minute, and how many may run at the same time."""

from __future__ import annotations

from bethink.agents.events import Error

PER_MINUTE, AT_ONCE = 20, 4


class TurnLimits:
    """Counts turns of each user over a moving minute, in this process. Safe to share between threads.

    Args:
        per_minute: turns that a user may start within any 60 seconds.
        at_once: turns of a user that may run at the same time, in different threads.

    Raises:
        ModuleNotFoundError: the extra ``serve`` is not installed.
    """

    def __init__(self, per_minute: int = PER_MINUTE, at_once: int = AT_ONCE) -> None:
        from limits import RateLimitItemPerMinute
        from limits.storage import MemoryStorage
        from limits.strategies import MovingWindowRateLimiter

        self.per_minute, self.at_once = per_minute, at_once
        self._window = MovingWindowRateLimiter(MemoryStorage())
        self._item = RateLimitItemPerMinute(per_minute)

    def refusal(self, user_id: str, running: int) -> Error | None:
        """Why the user may not start a turn now, while ``running`` of theirs run; None if they may."""
        if running >= self.at_once:
            said = f"{running} of your chats are answering; {self.at_once} at the same time is the most."
            return Error(message=said, hint="Wait until one has ended, or press stop there.")
        if not self._window.test(self._item, user_id):
            said = f"That were {self.per_minute} messages within a minute, which is the most."
            return Error(message=said, hint="Wait a moment, then send it again.")
        return None

    def start(self, user_id: str, running: int) -> Error | None:
        """As :meth:`refusal`; a turn that may start is counted."""
        problem = self.refusal(user_id, running)
        if problem is None and not self._window.hit(self._item, user_id):
            problem = self.refusal(user_id, running)
        return problem
