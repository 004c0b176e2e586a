"""Prompt tokens that the memory avoids: a prompt with the whole dialogue is rendered and counted, and never run.

H is the prompt with everything that was said in this chat, A the one that was sent (recalled thoughts and the last
messages); both by the model's own template and tokenizer. H - A is negative where recalled text costs more than the
history that it stands for. What post-thinking spends is taken off where the two are added up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain.agents.middleware import ModelRequest
from langchain_core.messages import AnyMessage, BaseMessage


@dataclass(frozen=True)
class Avoided:
    """H - A, None where the model's tokenizer is not at hand; and whether H is more than the model can read."""

    tokens: int | None = None
    would_overflow: bool = False


def avoided(request: ModelRequest[Any], tokens_in: int, earlier: Sequence[AnyMessage]) -> Avoided:
    """What a model call avoids.

    Args:
        request: the call as it was sent, recalled thoughts in its messages; its state has them without.
        tokens_in: A, as the model counted it.
        earlier: the chat's messages before those of the state.
    """
    from bethink.models.chat import ChatLocal

    model = request.model
    if not isinstance(model, ChatLocal):
        return Avoided()
    said = request.state["messages"]
    # tools are the same in both and fall out of the difference
    difference = 0
    if earlier or list(request.messages) != list(said):
        system = [request.system_message] if request.system_message is not None else []
        whole: list[BaseMessage] = [*system, *earlier, *said]
        sent: list[BaseMessage] = [*system, *request.messages]
        difference = model.count_tokens(model.prompt(whole, [])) - model.count_tokens(model.prompt(sent, []))
    return Avoided(difference, tokens_in + difference >= model.engine.context_length)
