"""Answers to prompts that were asked before, to the letter, by the same user, without the model.

They are kept in this process only, per user, and let go as soon as that user's memory changes. Only a model that always
says the same (temperature 0) is answered for, and nothing with a tool in it: results change.
"""

from __future__ import annotations

import hashlib
import json
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, ToolMessage

MOST = 200
"""Answers kept of a user; the one asked for longest ago goes first."""


class RepeatedAnswers(AgentMiddleware[AgentState[Any], Any, Any]):
    """Answers what was answered before.

    Args:
        revision: a number of a user's memory that changes with it.
    """

    def __init__(self, revision: Callable[[str], int]) -> None:
        super().__init__()
        self._revision, self._lock = revision, threading.Lock()
        self._known: dict[str, tuple[int, OrderedDict[str, str]]] = {}

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any] | AIMessage:
        """Take the answer from before, or ask and keep it."""
        user = str(getattr(request.runtime.context, "user_id", ""))
        messages = request.messages
        if not user or getattr(request.model, "temperature", None) != 0 or isinstance(messages[-1], ToolMessage):
            return handler(request)
        revision, asked = self._revision(user), _digest(request)
        with self._lock:
            at, known = self._known.get(user, (revision, OrderedDict()))
            if at != revision:
                known = OrderedDict()
            self._known[user] = (revision, known)
            if (answer := known.get(asked)) is not None:
                known.move_to_end(asked)
                return AIMessage(answer, id=uuid.uuid4().hex)
        response = handler(request)
        said = response if isinstance(response, AIMessage) else response.result[-1]
        finished = getattr(said, "response_metadata", {}).get("finish_reason", "stop") != "cancelled"
        if isinstance(said, AIMessage) and not said.tool_calls and said.text and finished:
            with self._lock:
                known[asked] = str(said.text)
                if len(known) > MOST:
                    known.popitem(last=False)
        return response


def _digest(request: ModelRequest[Any]) -> str:
    """Of everything the model reads: the order of messages, their roles and words, and the tools."""
    system = [request.system_message] if request.system_message is not None else []
    said = [[message.type, message.content] for message in (*system, *request.messages)]
    tools = sorted(str(getattr(tool, "name", tool)) for tool in request.tools)
    model = str(getattr(request.model, "model_name", type(request.model).__name__))
    text = json.dumps([model, said, tools, str(request.tool_choice)], default=str)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
