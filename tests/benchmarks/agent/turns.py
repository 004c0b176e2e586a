"""Seconds of a whole turn with one tool call, by the agent itself: first token, and all but the tool."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from bethink.agents.agent import Agent
from bethink.agents.events import ToolEnd, Usage
from bethink.memory import ThoughtMemory
from bethink.models.embedder import SentenceEmbedder
from bethink.tools import all_tools
from tests.benchmarks.agent.models import OURS, evenly, names, open_model
from tests.benchmarks.report import Bar, bar, show

TURNS = 50
REQUESTS = (
    "Track the Lorenz-63 system with {n} members for 20 cycles.",
    "Find films about {what} in the catalogue.",
    "Search the catalogue for {what}.",
    "Recommend a film to somebody who likes {what}.",
)
WHAT = ("a lonely astronaut", "chess", "the sea", "a heist", "jazz", "mountains", "old friends", "a detective")


def run() -> tuple[list[Bar], dict[str, Any]]:
    """See the module."""
    asked = [REQUESTS[i % 4].format(n=10 + i, what=WHAT[i % len(WHAT)]) for i in range(TURNS)]
    found: dict[str, Any] = {}
    for name in names():
        first, rest, called = [], [], 0
        with tempfile.TemporaryDirectory(prefix="bethink-bench-") as place:
            embedder = SentenceEmbedder()
            agent = Agent(
                open_model(name), ThoughtMemory(Path(place) / "memory", embedder), embedder, all_tools(), Path(place)
            )
            agent.warm_up()
            thread = agent.threads.create("me").id
            for text in evenly(asked):
                tool_s, usage = 0.0, None
                for event in agent.stream(text, user_id="me", thread_id=thread):
                    if isinstance(event, ToolEnd):
                        tool_s, called = tool_s + event.seconds, called + 1
                    elif isinstance(event, Usage):
                        usage = event
                if usage is not None and usage.first_token_s is not None:
                    first.append(usage.first_token_s - tool_s)
                    rest.append(usage.seconds - tool_s)
            agent.close()
        found[name] = {"first token, s": median(first), "turn without the tool, s": median(rest), "calls": called}
    show("Turns, medians", ("", *found[OURS]), [(n, *f.values()) for n, f in found.items()])
    return [
        bar("first token of a turn, s (without the tool)", found[OURS]["first token, s"], "<=", 2),
        bar("a turn without the tool, s", found[OURS]["turn without the tool, s"], "<=", 12),
    ], found
