"""Calls that wait for the user's word, as the events of stored turns tell of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from bethink.agents.threads import Message

NEEDS_APPROVAL: Final = "needs_approval"
"""The code of the error with which such a call is refused."""


def waiting(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The ``ToolStart`` events of a turn whose calls were refused and neither approved nor declined since."""
    decided = {event["call_id"] for event in events if event["kind"] == "Decision"}
    refused = {
        event["call_id"]
        for event in events
        if event["kind"] == "ToolEnd" and (event["result"].get("error") or {}).get("code") == NEEDS_APPROVAL
    }
    return [event for event in events if event["kind"] == "ToolStart" and event["call_id"] in refused - decided]


def pending_call(messages: Sequence[Message], call_id: str) -> tuple[str, dict[str, Any]] | None:
    """(tool, arguments) of the latest call of that id that waits for the user; None if none does."""
    for message in reversed(messages):
        for start in waiting(message.events):
            if start["call_id"] == call_id:
                return start["name"], start["arguments"]
    return None


def command_of(name: str, arguments: dict[str, Any]) -> str:
    """The message that makes this very call, when a user sends it.

    Example:
        >>> command_of("send_mail", {"to": "Zoë"})
        '/send_mail {"to": "Zoë"}'
    """
    text = json.dumps(arguments, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a character, which no file or wire would keep
        text = json.dumps(arguments)
    return f"/{name} {text}"
