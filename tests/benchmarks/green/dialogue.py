"""What 50 turns cost in prompt tokens, and whether the answers are still at hand.

Three agents hear the same dialogue: Bethink's, with recalled thoughts and the last messages; LangChain's with all of
the chat; and LangChain's with its SummarizationMiddleware, whose summaries the default model writes. The answers in the
dialogue are given, so that all prompts are alike; they are counted with the default model's own tokenizer. Whether the
fact asked for stands in the prompt is looked up, and the model answers each of the questions from each of the prompts.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk

from bethink.agents.evaluation.scores import holds
from bethink.models.chat import ChatLocal
from bethink.models.registry import load_chat_model
from tests.benchmarks.green.script import turns
from tests.benchmarks.report import Bar, bar, show

SUMMARY_TRIGGER, KEEP = 1000, 6
EARLY, LATE = 15, 50


class GivenAnswers(ChatLocal):
    """The default model with its tokenizer, whose answers are given: only prompts are made and counted."""

    answers: list[str] = []
    prompts: list[str] = []

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        text = self.prompt(messages, kwargs.get("tools") or [])
        self.prompts.append(text)
        answer = self.answers[len(self.prompts) - 1]
        read, written = self.count_tokens(text), self.count_tokens(answer)
        usage = {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}
        yield ChatGenerationChunk(message=AIMessageChunk(answer, usage_metadata=usage, chunk_position="last"))


@dataclass
class Cost:
    """What one agent sent: the prompt of each turn, its tokens, and tokens spent beside the answers."""

    prompts: list[str] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    beside: list[int] = field(default_factory=list)


def given(engine_of: ChatLocal) -> GivenAnswers:
    """A model with given answers that shares the engine of another one."""
    said = [answer for _, answer, _ in turns()]
    return GivenAnswers(model_name="smollm2", open_engine=lambda: engine_of.engine, answers=said, prompts=[])


def by_bethink(real: ChatLocal, folder: Path) -> tuple[Cost, list[int]]:
    """The product's own agent, and what its ledger says was avoided, net, turn by turn."""
    from bethink.agents import Agent
    from bethink.memory import ThoughtMemory
    from bethink.models.embedder import SentenceEmbedder
    from bethink.tools import all_tools

    model, embedder = given(real), SentenceEmbedder()
    agent = Agent(model, ThoughtMemory(folder / "memory", embedder), embedder, all_tools(), folder)
    thread, found, net = agent.threads.create("ann").id, Cost(), []
    try:
        for text, _, _ in turns():
            before = len(model.prompts)
            for event in agent.stream(text, user_id="ann", thread_id=thread):
                if event.kind == "Done" and event.status != "complete":  # type: ignore[attr-defined]
                    raise RuntimeError(f"a turn ended as {event}")
            if len(model.prompts) != before + 1:
                raise RuntimeError(f"{text!r} was not answered by the model: a tool was taken to be meant")
            while agent.threads.jobs():
                pass
            (sums,) = agent.ledger.total("ann", thread_id=thread)
            net.append(sums["tokens_avoided_net"])
            found.beside.append(sums["memory_tokens"] - sum(found.beside))
    finally:
        agent.close()
    found.prompts = model.prompts
    found.tokens = [model.count_tokens(prompt) for prompt in model.prompts]
    return found, net


def by_langchain(real: ChatLocal, *, summaries: bool) -> Cost:
    """LangChain's agent with all of the chat, or with summaries of it."""
    from langchain.agents import create_agent
    from langchain.agents.middleware import SummarizationMiddleware
    from langgraph.checkpoint.memory import InMemorySaver

    from bethink.agents.prompts import system_prompt

    model, found, spent = given(real), Cost(), [0]

    def count(messages: Any) -> int:
        return sum(real.count_tokens(str(getattr(message, "text", message))) for message in messages)

    def summarized(messages: list[Any]) -> str:
        answer = real.invoke(messages, max_new_tokens=256)
        usage = answer.usage_metadata
        assert usage is not None
        spent[0] += usage["total_tokens"]
        return str(answer.text)

    middleware = SummarizationMiddleware(
        real, trigger=("tokens", SUMMARY_TRIGGER), keep=("messages", KEEP), token_counter=count, summarizer=summarized
    )
    agent = create_agent(
        model,
        system_prompt=system_prompt("smollm2"),
        middleware=[middleware] if summaries else [],
        checkpointer=InMemorySaver(),
    )
    config: Any = {"configurable": {"thread_id": "1"}}
    for text, _, _ in turns():
        before = spent[0]
        agent.invoke({"messages": [("user", text)]}, config)
        found.beside.append(spent[0] - before)
    found.prompts = model.prompts
    found.tokens = [model.count_tokens(prompt) for prompt in model.prompts]
    return found


def recalled(real: ChatLocal, prompts: list[str], name: str) -> dict[str, float]:
    """Shares of the questions whose answer stands in the prompt, and that the model answers right from it."""
    there, right, asked = 0, 0, 0
    for (text, _, gold), prompt in zip(turns(), prompts, strict=True):
        if gold is None:
            continue
        asked += 1
        there += holds(prompt.replace(text, ""), gold)
        ids = real.engine.tokenizer.encode(prompt, add_special_tokens=False)
        print(f"  {name}: question {asked}, {len(ids)} tokens", file=sys.stderr)
        out = list(real.engine.generate(ids, max_new_tokens=40, repetition_penalty=real.repetition_penalty))
        right += holds(real.engine.tokenizer.decode(out, skip_special_tokens=True), gold)
    return {"questions": asked, "in_the_prompt": there / asked, "answered_right": right / asked}


def run() -> tuple[list[Bar], dict[str, Any]]:
    """Measure all of it."""
    real = load_chat_model("smollm2")
    assert isinstance(real, ChatLocal)
    with tempfile.TemporaryDirectory() as folder:
        ours, net = by_bethink(real, Path(folder))
    costs = {
        "bethink": ours,
        "whole chat": by_langchain(real, summaries=False),
        "summaries": by_langchain(real, summaries=True),
    }
    whole = costs["whole chat"]
    figures: dict[str, Any] = {"turns": len(whole.tokens), "ledger_net": net}
    rows = []
    for name, found in costs.items():
        spared = sum(whole.tokens) - sum(found.tokens) - sum(found.beside)
        figures[name] = {
            "prompt_tokens": found.tokens,
            "tokens_beside": sum(found.beside),
            "fewer_at_last_turn": 1 - found.tokens[-1] / whole.tokens[-1],
            "net_avoided": spared,
            **recalled(real, found.prompts, name),
        }
        each = figures[name]
        rows.append(
            (name, found.tokens[EARLY - 1], found.tokens[LATE - 1], sum(found.tokens), each["tokens_beside"], spared,
             100 * each["in_the_prompt"], 100 * each["answered_right"])
        )  # fmt: skip
    columns = ("", f"prompt, turn {EARLY}", f"turn {LATE}", "all prompts", "beside", "net avoided")
    show("50 turns, tokens", (*columns, "fact in prompt, %", "answered right, %"), rows)
    first = next((turn + 1 for turn, value in enumerate(net) if value > 0), None)
    figures["first_turn_with_net_above_0"] = first
    differences = [
        avoided - (sum(whole.tokens[: turn + 1]) - sum(ours.tokens[: turn + 1])) for turn, avoided in enumerate(net)
    ]
    figures["ledger_off_by_tokens"] = max(abs(each) for each in differences)
    lost = {
        kind: figures["whole chat"][kind] - figures["bethink"][kind] for kind in ("in_the_prompt", "answered_right")
    }
    figures["lost"] = lost
    return [
        bar(
            "prompt tokens fewer than the whole chat at turn 50, share",
            figures["bethink"]["fewer_at_last_turn"],
            ">=",
            0.6,
        ),
        bar("first turn with net tokens avoided above 0", None if first is None else float(first), "<=", EARLY),
        bar("answer-recall lost beside the whole chat: fact in the prompt", lost["in_the_prompt"], "<=", 0.02),
        bar("answer-recall lost beside the whole chat: answered right", lost["answered_right"], "<=", 0.02),
        bar("ledger's count beside the prompts really sent, tokens", float(figures["ledger_off_by_tokens"]), "<=", 0),
    ], figures
