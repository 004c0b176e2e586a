"""Bar 5: scripted requests with good and bad words and files, in the chat and over ``bethink tools call``.

Each is sent to the agent of the chat, with the default model, as the command that the chat's buttons write, and run
again as a process of its own from the command line. Both must give a list that holds what it must, or the refusal that
it must come to; a summary must state no number, title or word of its own. A taste that is told on one day must decide
what is recommended on the next, after a restart, and the answer must name it. Sentences in plain words should reach the
right tool (none of them is one of the tools' examples): a figure without a bar.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bethink.app.build import open_agent
from bethink.app.settings import load_settings
from tests.benchmarks.budget.requests import from_the_command_line, in_chat
from tests.benchmarks.report import Bar, bar, show
from tests.tools.budget.requests import Request as Sent
from tests.tools.recommendation.requests import REQUESTS, as_command, wrong_with

SENTENCES = (
    ("Any good movie for a rainy Sunday?", "recommend"),
    ("Which book should I read next? I loved Dune.", "recommend"),
    ("What could I cook for dinner, something quick?", "recommend"),
    ("Suggest a movie like The Matrix.", "recommend"),
    ("I feel like watching something funny, any ideas?", "recommend"),
    ("Find me films with a shipwreck.", "search_catalog"),
    ("Search the catalogue for books about whales.", "search_catalog"),
    ("Which dishes with chickpeas do you have?", "search_catalog"),
)
TOLD = "I like slow sci-fi and hate horror."
USED = "I used what I remember of you: "
USER = "me"


def two_days(folder: Path) -> dict[str, bool]:
    """What must be true once a taste was told on one day, and the chat was started again on the next.

    The days are two starts of the agent on the same folder.
    """
    command = '/recommend {"domain": "films", "k": 10}'
    agent = open_agent(load_settings(data=folder))
    try:
        _, new = _asked(agent, command, USER)
        events = list(agent.stream(TOLD, user_id=USER, thread_id=agent.threads.create(USER).id))
        remembered = {change["text"] for event in events if event.kind == "MemoryWrite" for change in event.changes}
        no_tool = not any(event.kind == "ToolStart" for event in events)
    finally:
        agent.close()
    agent = open_agent(load_settings(data=folder))
    try:
        answer, told = _asked(agent, command, USER)
        _, off = _asked(agent, command, USER, memory=False)
        _, other = _asked(agent, command, "you")
    finally:
        agent.close()
    genres = [item["details"]["genres"] for item in told["items"]]
    return {
        "telling a taste runs no tool": no_tool,
        "before it was told: a new user": new["status"] == "new_user",
        "the thought decides": told["status"] == "ok"
        and (told["likes"], told["dislikes"]) == (["slow sci-fi"], ["horror"]),
        "seven in ten are science fiction": sum("science fiction" in each for each in genres) >= 7,
        "none is horror": not any("horror" in each for each in genres),
        "what was used is what was remembered": {each["text"] for each in told["used_thoughts"]} == remembered,
        "the summary names it, word for word": _names(told["summary"], remembered),
        "the answer names it, word for word": _names(answer, remembered),
        "every item names it": all(item["thoughts"] for item in told["items"]),
        "with memory off: a new user": off["status"] == "new_user",
        "for somebody else: a new user": other["status"] == "new_user",
    }


def _names(text: str, thoughts: set[str]) -> bool:
    """Whether a text says that it rests on these thoughts, of which there must be some."""
    return bool(thoughts) and USED in text and all(f"“{thought}”" in text for thought in thoughts)


def _asked(agent: Any, text: str, user: str, memory: bool = True) -> tuple[str, dict[str, Any]]:
    """(the answer, the tool's result) of one message."""
    thread = agent.threads.create(user).id
    events = list(agent.stream(text, user_id=user, thread_id=thread, memory=memory))
    result = next(event.result for event in events if event.kind == "ToolEnd")
    return str(events[-1].text), result


def run() -> tuple[list[Bar], dict[str, Any]]:
    """All of it, some ten minutes."""
    rows, found = [], []
    with tempfile.TemporaryDirectory() as folder:
        agent = open_agent(load_settings(data=Path(folder) / "data"))
        try:
            uploads = agent.folder_of(USER)
            uploads.mkdir(parents=True)
            for request in REQUESTS:
                print(f"  {request.name}", file=sys.stderr)
                arguments = request.prepare(uploads)
                started = time.perf_counter()
                name, output, error = in_chat(agent, as_command(request, arguments))
                middle = time.perf_counter()
                chat = wrong_with(request, output, error, arguments)
                if name != request.tool:
                    chat = f"ran {name or 'no tool'}"
                sent = Sent(request.name, request.tool, refused=request.refused)
                alone = from_the_command_line(sent, arguments, uploads, Path(folder) / "out")
                line = wrong_with(request, *alone, arguments)
                seconds = (middle - started, time.perf_counter() - middle)
                rows.append((request.name, chat or "ok", line or "ok", *seconds))
                found.append({"request": request.name, "chat": chat, "command_line": line, "seconds": seconds})
            reached = {sentence: in_chat(agent, sentence)[0] for sentence, _ in SENTENCES}
        finally:
            agent.close()
        days = two_days(Path(folder) / "days")
    show("Requests", ("request", "in the chat", "command line", "s", "s"), rows)
    show("A taste told the day before", ("what", "holds"), list(days.items()))
    words = [(text, reached[text] or "no tool", wanted) for text, wanted in SENTENCES]
    show("Plain words", ("sentence", "reached", "wanted"), words)
    figures = {
        "requests": found,
        "two_days": days,
        "plain_words": {
            "right": sum(reached[text] == wanted for text, wanted in SENTENCES),
            "of": len(SENTENCES),
            "reached": reached,
        },
    }
    wrong_chat, wrong_line = (sum(bool(each[key]) for each in found) for key in ("chat", "command_line"))
    return [
        bar("requests: how many", float(len(found)), ">=", 20),
        bar("requests: wrong in the chat", float(wrong_chat), "<=", 0),
        bar("requests: wrong over tools call", float(wrong_line), "<=", 0),
        bar("requests: wrong the day after a taste was told", float(sum(not each for each in days.values())), "<=", 0),
    ], figures


if __name__ == "__main__":
    run()
