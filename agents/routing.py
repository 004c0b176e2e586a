"""Which tool, if any, for models that were not trained to choose one; and commands that name their tool exactly.

Both spare the model work it would do badly: an untrained 135M model picks tools at random, misstates what they
found, and the tool descriptions would cost it prompt tokens in every turn of small talk.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

if TYPE_CHECKING:
    import numpy as np
    from langchain_core.language_models import BaseChatModel

    from bethink.models.embedder import Embedder
    from bethink.tools.contract import Tool

COMMAND = re.compile(r"\A/([a-z][a-z0-9_]*)(?:\s+(\{.*\}))?\s*\Z", re.DOTALL)
THRESHOLD = 0.55
"""Cosine from which a message counts as meant for a tool (MiniLM; related but different sentences stay below)."""


def parse_command(text: str, names: set[str]) -> tuple[str, dict[str, Any]] | None:
    """``/track_state {"members": 20}`` as (name, arguments); None when the text is no command for one of ``names``."""
    found = COMMAND.match(text.strip())
    if found is None or found.group(1) not in names:
        return None
    try:
        arguments = json.loads(found.group(2) or "{}")
    except ValueError:
        return None
    return (found.group(1), arguments) if isinstance(arguments, dict) else None


class ExactCommands(AgentMiddleware[AgentState[Any], Any, Any]):
    """Runs ``/tool {json}`` without asking the model: the call is as typed, the answer is the tool's own summary."""

    def __init__(self, tools: list[Tool]) -> None:
        super().__init__()
        self.names = {tool.name for tool in tools}

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any] | AIMessage:
        """Answer exact commands here, everything else with the model."""
        last = request.messages[-1]
        asked = next((m for m in reversed(request.state["messages"]) if isinstance(m, HumanMessage)), None)
        command = parse_command(str(asked.text), self.names) if asked is not None else None
        if command is None:
            return handler(request)
        if isinstance(last, ToolMessage):
            return _said(last)
        name, arguments = command
        return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": f"call_{uuid.uuid4().hex[:12]}"}])


class ToolRouter(AgentMiddleware[AgentState[Any], Any, Any]):
    """Offers a tool only when the message is near one of its examples, asks for a call to it, and answers in its words.

    For models without tool training; the arguments are still the model's, decoded under the tool's schema. What came of
    the call is told by the tool's own summary: an untrained 135M model names films and figures that are not in it, and
    takes thousands of prompt tokens to do so. Cost: one embedding of the message, one product with the examples.
    """

    def __init__(self, tools: list[Tool], embedder: Embedder, *, active: Callable[[], bool]) -> None:
        super().__init__()
        self._examples = [(sentence, tool.name) for tool in tools for sentence, _ in tool.examples]
        self._embedder, self._active = embedder, active
        self._vectors: np.ndarray | None = None

    def choose(self, text: str) -> str | None:
        """The name of the tool the text is meant for, or None."""
        if not self._examples or not text.strip():
            return None
        if self._vectors is None:
            self._vectors = self._embedder.embed([sentence for sentence, _ in self._examples])
        scores = self._vectors @ self._embedder.embed([text[:2000]])[0]
        best = int(scores.argmax())
        return self._examples[best][1] if scores[best] >= THRESHOLD else None

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any] | AIMessage:
        """Narrow the offered tools to the one that fits, or to none; after a call, say what the tool says."""
        if not self._active():
            return handler(request)
        last = request.state["messages"][-1]
        if isinstance(last, ToolMessage):
            return _said(last)
        name = self.choose(str(last.text)) if isinstance(last, HumanMessage) else None
        if name is None:
            return handler(request.override(tools=[]))
        tools = [tool for tool in request.tools if getattr(tool, "name", None) == name]
        return handler(request.override(tools=tools, tool_choice=name))


class SaidArguments(AgentMiddleware[AgentState[Any], Any, Any]):
    """Has a model fill in calls of our tools with the words and numbers of the chat, so that it invents none."""

    def __init__(self, tools: list[Tool], *, active: Callable[[], bool]) -> None:
        super().__init__()
        self._said = {tool.name: sorted(tool.inferred) for tool in tools if tool.inferred is not None}
        self._active = active

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Tell the model's decoding which arguments of which tools must be said."""
        if not self._active() or not request.tools:
            return handler(request)
        return handler(request.override(model_settings={**request.model_settings, "said": self._said}))


class BriefResults(AgentMiddleware[AgentState[Any], Any, Any]):
    """Tells the model tools' results in the tools' own sentence (as JSON, so that it is plain where it ends), where it
    wants them brief; errors stay as they are."""

    def __init__(self, *, active: Callable[[], bool]) -> None:
        super().__init__()
        self._active = active

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Shorten what the model sees; the state's messages stay whole."""
        if not self._active():
            return handler(request)
        return handler(request.override(messages=[_brief(message) for message in request.messages]))


def knows_tools(model: BaseChatModel) -> bool:
    """Whether the model was trained to call tools: those served elsewhere are taken to be. Loads a local model."""
    from bethink.models.chat import ChatLocal

    return model.native_tools if isinstance(model, ChatLocal) else True


def routers_for(model: BaseChatModel, tools: list[Tool], embedder: Embedder) -> list[AgentMiddleware[Any, Any, Any]]:
    """What decides with a model which tool is called how: what is offered to one whose chat template has no place for
    tools, and what the calls of one that invents may hold."""
    return [
        ToolRouter(tools, embedder, active=lambda: not knows_tools(model)),
        SaidArguments(tools, active=lambda: getattr(model, "only_said", False)),
    ]


def _brief(message: Any) -> Any:
    output = getattr(message.artifact, "output", None) if isinstance(message, ToolMessage) else None
    if not output or "summary" not in output:
        return message
    return message.model_copy(update={"content": json.dumps({"summary": output["summary"]}, ensure_ascii=False)})


def is_tools_own(message: AIMessage) -> bool:
    """Whether an answer is a tool's own words, passed on: nothing that the model said, nor to be learned from."""
    return bool(message.response_metadata.get("tools_own"))


def _said(message: ToolMessage) -> AIMessage:
    return AIMessage(_summary(message), response_metadata={"tools_own": True})


def _summary(message: ToolMessage) -> str:
    output = getattr(message.artifact, "output", None)
    error = getattr(message.artifact, "error", None)
    if error:
        return f"{error['message']} {error['hint']}".strip()
    return str((output or {}).get("summary", message.text))
