"""The server that is measured: all of ``bethink serve``, with a scripted model in the place of the language model."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult

ANSWER = "I have noted that; tell me more about it whenever you like, and I will remember."
PAUSE_S = 0.02
"""Between two words: about the pace of the default model on two cores."""


class ScriptedChat(BaseChatModel):
    """A fake model: the same answer always, word by word."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        """It never calls one."""
        return self

    def _stream(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Iterator[Any]:
        for word in ANSWER.split(" "):
            time.sleep(PAUSE_S)
            chunk = ChatGenerationChunk(message=AIMessageChunk(word + " "))
            if run_manager:
                run_manager.on_llm_new_token(word, chunk=chunk)
            yield chunk
        yield ChatGenerationChunk(message=AIMessageChunk("", chunk_position="last"))

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        return generate_from_stream(self._stream(*args, **kwargs))


def main(folder: Path, port: int) -> None:
    """Serve a data folder until killed."""
    from bethink.agents.agent import Agent
    from bethink.agents.turn_limits import TurnLimits
    from bethink.app.access.users import Users
    from bethink.app.serve import create_app, serve
    from bethink.memory import ThoughtMemory
    from bethink.models.embedder import SentenceEmbedder
    from bethink.tools import all_tools

    embedder = SentenceEmbedder()
    agent = Agent(ScriptedChat(), ThoughtMemory(folder / "memory", embedder), embedder, all_tools(), folder)
    agent.running.limits = TurnLimits()
    agent.warm_up()
    serve(create_app(agent, users=Users(folder), mcp=True, metrics=True), "127.0.0.1", port)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
