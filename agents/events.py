"""What a turn tells its listener, in order. Every event is plain data: ``as_dict`` goes over any wire."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """Base of all events."""

    @property
    def kind(self) -> str:
        """The event's name, as in ``Token``."""
        return type(self).__name__

    def as_dict(self) -> dict[str, Any]:
        """The event as plain data with its ``kind``."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Recall(Event):
    """The thoughts put before the model: each ``{id, text, score, date}``, best first."""

    thoughts: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Token(Event):
    """A piece of the answer."""

    text: str = ""


@dataclass(frozen=True)
class ToolStart(Event):
    """A tool call begins."""

    call_id: str = ""
    name: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Passing(Event):
    """Said while it lasts, and not kept with the turn."""


@dataclass(frozen=True)
class Waiting(Passing):
    """The model writes other answers first: so many come before this one."""

    before: int = 0


@dataclass(frozen=True)
class ToolProgress(Passing):
    """A running tool says how far it is: ``done`` in [0, 1]."""

    call_id: str = ""
    done: float = 0.0
    message: str = ""


@dataclass(frozen=True)
class ToolEnd(Event):
    """A tool call ended: its output, or ``{"error": ...}``, as plain data."""

    call_id: str = ""
    name: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    ok: bool = True


@dataclass(frozen=True)
class Decision(Event):
    """The user's word on a call that was refused because it needs approval; added to its turn later."""

    call_id: str = ""
    approved: bool = False


@dataclass(frozen=True)
class MemoryWrite(Event):
    """Post-thinking changed the memory: each ``{op, id, text, reason}``."""

    changes: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Usage(Event):
    """What the turn cost: seconds, tokens, joules and grams of CO2e.

    ``error_class`` is ``measured`` or ``estimated``; ``tokens_avoided`` is net of what the memory spent, and negative
    where it spent more than it saved; None stands for what is not known.
    """

    tokens_in: int = 0
    tokens_in_cached: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    first_token_s: float | None = None
    cpu_s: float = 0.0
    energy_j: float | None = None
    energy_backend: str = "cputime (estimated)"
    error_class: str = "estimated"
    co2e_g: float | None = None
    ci_source: str = ""
    flops: float | None = None
    tokens_avoided: int | None = None
    would_overflow: bool = False


@dataclass(frozen=True)
class Error(Event):
    """Something went wrong: a sentence and the next step, never a traceback."""

    message: str = ""
    hint: str = ""
    code: str = "failed"
    """``invalid`` (what was asked), ``unreachable`` or ``timeout`` (the model's server), ``failed`` (all else)."""


@dataclass(frozen=True)
class Done(Event):
    """The turn is over: ``status`` is ``complete``, ``cancelled`` or ``failed``.

    ``finish_reason`` is the last model call's own: ``stop``, or ``length`` where its limit cut the answer.
    """

    turn_id: str = ""
    text: str = ""
    status: str = "complete"
    finish_reason: str = "stop"
