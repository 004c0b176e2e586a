"""What the model is told of a chat's earlier turns."""

from __future__ import annotations

from typing import Any

from bethink.agents.prompts import quoted_result
from bethink.agents.threads import Message
from bethink.agents.turn_events import past_calls


def as_messages(history: list[Message], *, calls: bool = False) -> list[Any]:
    """Stored messages as LangChain's. Turns without an answer are left out, with their question.

    Where an answer passes a tool's own words on, they are quoted: whoever made the tool or its data wrote them.
    ``calls``: with the tool calls that ended well, and their results in a sentence, so that "and with 50 members?" can
    be understood.
    """
    from langchain_core.messages import AIMessage, HumanMessage

    answered = {message.turn_id for message in history if message.role == "assistant" and message.text.strip()}
    found: list[Any] = []
    for message in history:
        if message.turn_id not in answered:
            continue
        if message.role == "user":
            found.append(HumanMessage(message.text))
        else:
            found += [*(past_calls(message.events) if calls else []), AIMessage(_quoting_tools(message))]
    return found


def _quoting_tools(message: Message) -> str:
    text = message.text
    for event in message.events:
        if event.get("kind") == "ToolEnd":
            result = event["result"]
            error = result.get("error") or {}
            words = str(result.get("summary") or f"{error.get('message', '')} {error.get('hint', '')}").strip()
            text = text.replace(words, quoted_result(event["name"], words)) if words else text
    return text
