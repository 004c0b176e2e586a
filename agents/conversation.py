"""Conversations that somebody else keeps: the caller sends all of it each time, and nothing of it is stored here."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage


@dataclass(frozen=True)
class Conversation:
    """What a client program sends for one answer.

    Args:
        messages: LangChain messages, oldest first; the last one of the user is the turn, and only results of the
            client's tools, with the calls to them, may follow it.
        note: what the client says besides (its system messages); the model gets it quoted.
        tools: the client's own tools, as OpenAI's function tools; a call to one ends the answer.
        tool_choice: ``auto``, ``none``, ``required``, or the name of one of ``tools``.
        max_tokens: most tokens of one model call; None: the model's own limit.
        stop: texts at which the model stops.
    """

    messages: tuple[BaseMessage, ...]
    note: str = ""
    tools: tuple[dict[str, Any], ...] = ()
    tool_choice: str = "auto"
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()

    @property
    def tool_names(self) -> frozenset[str]:
        """The names of the client's tools."""
        return frozenset(str(tool["function"]["name"]) for tool in self.tools)

    @property
    def asked(self) -> int:
        """Where the last message of the user stands.

        Raises:
            ValueError: there is none.
        """
        for place in range(len(self.messages) - 1, -1, -1):
            if self.messages[place].type == "human":
                return place
        raise ValueError("There is no message of the user.")

    def bounded(self, most: int, longest: int) -> list[BaseMessage]:
        """The turn with at most ``most`` messages before it, each cut to ``longest`` characters.

        Calls and results of earlier turns are left out: their answers tell what came of them.
        """
        place = self.asked
        spoken = [one for one in self.messages[:place] if one.type in ("human", "ai") and str(one.text).strip()]
        earlier = [type(one)(str(one.text)[:longest]) for one in spoken[-most:]]
        return [*earlier, *self.messages[place:]]

    def ids(self, user_id: str) -> tuple[str, str]:
        """(session, turn): the same for the same beginning and the same messages, so that nothing is learned twice."""
        said = [[one.type, str(one.text)] for one in self.messages[: self.asked + 1] if one.type in ("human", "ai")]
        first = next(text for kind, text in said if kind == "human")
        return _digest(["session", user_id, first]), _digest(["turn", user_id, said])

    def model_settings(self, model: BaseChatModel) -> dict[str, Any]:
        """Limits of this answer, under the names that the model's class knows."""
        settings: dict[str, Any] = {"stop": list(self.stop)} if self.stop else {}
        if self.max_tokens is not None:
            kinds = {"bethink-local": "max_new_tokens", "openai-chat": "max_completion_tokens"}
            settings[kinds.get(model._llm_type, "max_tokens")] = self.max_tokens
        return settings


def _digest(data: list[Any]) -> str:
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()[:32]
