"""Tools that change something outside of the chat run only when the user said so, whatever the model or memory says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from langchain.agents.middleware import AgentMiddleware, AgentState
from langchain.agents.middleware.types import ToolCallRequest
from langchain_core.messages import HumanMessage, ToolMessage
from langgraph.types import Command

from bethink.agents.decisions import NEEDS_APPROVAL, command_of
from bethink.agents.routing import parse_command
from bethink.tools.contract import ToolError, ToolResult
from bethink.tools.langchain import model_text

if TYPE_CHECKING:
    from bethink.tools.contract import Tool


class ApprovalMiddleware(AgentMiddleware[AgentState[Any], Any, Any]):
    """Refuses calls of tools with ``confirm`` that the user has not approved, with the command that approves them.

    Approved is a call that the user typed word for word (``/name {json}``), or any in a run whose context has
    ``approve`` set. The model reads the refusal as the tool's result.
    """

    def __init__(self, tools: list[Tool]) -> None:
        super().__init__()
        self.names = {tool.name for tool in tools if tool.confirm}

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], ToolMessage | Command[Any]]
    ) -> ToolMessage | Command[Any]:
        """Let approved calls and harmless tools through, refuse the rest."""
        call = request.tool_call
        name, arguments = call["name"], call["args"]
        if name not in self.names or self._approved(request, name, arguments):
            return handler(request)
        refusal = ToolError(
            NEEDS_APPROVAL,
            f"{name} may change something outside of this chat, so it needs the user's approval.",
            f"Nothing was done. To approve it, the user sends: {command_of(name, arguments)}",
        )
        result = ToolResult(name, arguments, None, refusal.as_dict()["error"], 0.0)
        return ToolMessage(model_text(result), artifact=result, name=name, tool_call_id=call["id"], status="error")

    def _approved(self, request: ToolCallRequest, name: str, arguments: dict[str, Any]) -> bool:
        if getattr(request.runtime.context, "approve", False):
            return True
        messages = request.state["messages"]
        asked = next((message for message in reversed(messages) if isinstance(message, HumanMessage)), None)
        return asked is not None and parse_command(str(asked.text), self.names) == (name, arguments)
