"""What happened to a thought, in words, and taking it back: the same for the page and for the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bethink.memory import Change, ThoughtMemory

NAMED = 3
"""Thoughts that are named when many change at once."""
SHORT = 80
"""Characters of a thought where it is only named."""
_ID = re.compile(r"\b[0-9a-f]{24}\b")
_FIRST = {"insert": "learned", "supersede": "learned", "merge": "made by a merge", "edit": "learned"}
_LATER = {
    "insert": "learned again",
    "supersede": "replaced by a newer one",
    "merge": "merged into another",
    "forget": "forgotten",
    "edit": "edited",
    "undo": "taken back",
}


@dataclass(frozen=True)
class Past:
    """One change of a thought: ``what`` happened and ``why``, in words, and whether it can be undone.

    ``others`` counts the other thoughts that the same undo changes; ``why_not`` is empty where it can be undone.
    """

    change: Change
    what: str
    why: str
    others: int
    why_not: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data: the change, and the rest of the fields beside it."""
        return {
            **self.change.as_dict(),
            "what": self.what,
            "why": self.why,
            "others": self.others,
            "why_not": self.why_not,
        }


def history_of(memory: ThoughtMemory, ident: str, user_id: str) -> list[Past]:
    """All that happened to a thought, latest first; of an erased one only that it was; empty if there never was one."""
    past = []
    for place, change in enumerate(memory.history(ident, user_id=user_id)):
        others, why_not = _undoable(memory, change, user_id)
        past.append(Past(change, _what(change, place == 0), _named(memory, change.reason, user_id), others, why_not))
    return past[::-1]


def undo(memory: ThoughtMemory, token: str, user_id: str) -> tuple[list[Change], str]:
    """Take back a batch of changes; returns them, and what was done in words.

    Raises:
        ValueError: as :meth:`bethink.memory.ThoughtMemory.undo`.
    """
    changes = memory.undo(token, user_id=user_id)
    done, left = ([change for change in changes if (change.op == "undo") is is_undo] for is_undo in (True, False))
    kept = ", ".join(dict.fromkeys(change.reason for change in left))
    if not done:
        return changes, f"Nothing was undone: {kept}."
    said = "Undone: " + "; ".join(_now(memory, change, user_id) for change in done[:NAMED])
    if len(done) > NAMED:
        said += f"; and {len(done) - NAMED:,} more"
    return changes, f"{said}. {len(left):,} left as it is ({kept})." if left else f"{said}."


def short(text: str) -> str:
    """The text in quotation marks, cut where it is long."""
    text = " ".join(text.split())
    return f"“{text if len(text) <= SHORT else text[: SHORT - 1].rstrip() + '…'}”"


def only_noops(changes: Sequence[Change]) -> bool:
    """Whether nothing was changed."""
    return all(change.op == "noop" for change in changes)


def _named(memory: ThoughtMemory, reason: str, user_id: str) -> str:
    """The reason with the texts of other thoughts in place of their ids."""

    def text(match: re.Match[str]) -> str:
        try:
            return short(memory.get(match.group(), user_id=user_id).text)
        except KeyError:
            return "one that was erased"

    return _ID.sub(text, reason)


def _undoable(memory: ThoughtMemory, change: Change, user_id: str) -> tuple[int, str]:
    try:
        would = memory.undo(change.token, user_id=user_id, dry_run=True)
    except ValueError as problem:
        return 0, str(problem)
    this = [one for one in would if one.id == change.id]
    if only_noops(this):
        return 0, f"It cannot be undone: {this[0].reason if this else 'erased for good'}."
    return len({one.id for one in would if one.op != "noop"}) - 1, ""


def _what(change: Change, first: bool) -> str:
    if change.reason == "erased":
        return "erased for good"
    if change.reason == "imported":
        return "imported" if first else "changed by an import"
    return (_FIRST if first else _LATER).get(change.op, change.op)


def _now(memory: ThoughtMemory, change: Change, user_id: str) -> str:
    if change.old is not None:
        return f"{short(change.old)} is {short(change.text)} again"
    thought = memory.get(change.id, user_id=user_id)
    if thought.active:
        return f"{short(change.text)} holds again"
    return f"{short(change.text)} is {'forgotten' if thought.forgotten else 'replaced'} now"
