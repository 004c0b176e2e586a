"""Fakes for tests of the loop: a scripted model, a small tool, and an agent made of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from bethink.agents.agent import Agent
from bethink.memory import ThoughtMemory
from bethink.tools.contract import Tool, ToolContext, ToolError, ToolInput, ToolOutput
from tests.conftest import FakeEmbedder


class FakeChat(BaseChatModel):
    """A fake model: answers with ``script``'s entries in turn (a text, an exception, or a tool call as a tuple)."""

    script: list[Any] = []
    seen: list[list[BaseMessage]] = []
    delay: float = 0.0

    @property
    def _llm_type(self) -> str:
        return "fake"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _stream(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Iterator[Any]:
        self.seen.append(messages)
        step = self.script.pop(0) if self.script else "Done."
        if isinstance(step, Exception):
            raise step
        if isinstance(step, tuple):
            call = {
                "name": step[0],
                "args": json.dumps(step[1]),
                "id": f"c{len(self.seen)}",
                "index": 0,
                "type": "tool_call_chunk",
            }
            yield ChatGenerationChunk(message=AIMessageChunk("", tool_call_chunks=[call], chunk_position="last"))
            return
        for word in step.split(" "):
            time.sleep(self.delay)
            chunk = ChatGenerationChunk(message=AIMessageChunk(word + " "))
            if run_manager:
                run_manager.on_llm_new_token(word, chunk=chunk)
            yield chunk
        usage = {"input_tokens": 11, "output_tokens": 2, "total_tokens": 13}
        yield ChatGenerationChunk(message=AIMessageChunk("", usage_metadata=usage, chunk_position="last"))

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        from langchain_core.language_models.chat_models import generate_from_stream

        return generate_from_stream(self._stream(*args, **kwargs))


class AddInput(ToolInput):
    a: int
    b: int = 1


class AddOutput(ToolOutput):
    total: int


def _add(given: AddInput, context: ToolContext) -> AddOutput:
    if given.a == 13:
        raise ToolError("invalid_input", "13 is unlucky.", "Use another number.")
    if given.a == 14:
        raise RuntimeError("boom")
    context.checkpoint(0.5, "half way")
    return AddOutput(summary=f"The total is {given.a + given.b}.", total=given.a + given.b)


ADD = Tool("add", "Add two numbers.", AddInput, AddOutput, _add, examples=(("add two numbers", {"a": 1}),))


def make_agent(folder: Path, *script: Any, delay: float = 0.0, checkpoints: str = "") -> Agent:
    """An agent on ``folder`` whose model and embedder are fakes; memory and threads are real."""
    embedder = FakeEmbedder()
    memory = ThoughtMemory(folder / "memory", embedder)
    model = FakeChat(script=list(script), seen=[], delay=delay)
    return Agent(model, memory, embedder, [ADD], folder, checkpoints=checkpoints)
