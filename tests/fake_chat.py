"""A fake chat model for tests of other people's agents: LangChain's own scripted one, which also takes tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage


class FakeToolChat(GenericFakeChatModel):
    """Gives the scripted messages one after the other; ``seen`` has what it was asked, ``bound`` the tools' names."""

    seen: list[list[BaseMessage]] = []
    bound: list[str] = []

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        self.bound[:] = [getattr(tool, "name", str(tool)) for tool in tools]
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Any:
        self.seen.append(messages)
        return super()._generate(messages, *args, **kwargs)


def scripted(*script: str | AIMessage) -> FakeToolChat:
    """The fake with a script of texts and messages."""
    return FakeToolChat(messages=iter(script), seen=[], bound=[])


def calls(name: str, arguments: dict[str, Any], text: str = "") -> AIMessage:
    """A message that calls one tool."""
    return AIMessage(text, tool_calls=[{"name": name, "args": arguments, "id": f"call-{name}", "type": "tool_call"}])


def texts(messages: Sequence[BaseMessage]) -> list[str]:
    """What was said, in order."""
    return [str(message.text) for message in messages]
