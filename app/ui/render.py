"""From stored messages and events to what the chat shows. Pure functions: the same for a live turn and for a reload."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bethink.agents.decisions import NEEDS_APPROVAL, waiting
from bethink.agents.events import Decision

APPROVE, DECLINE = "approve", "decline"
"""What the buttons of a call that waits for the user send, before the call's id."""
SHOWN_JSON, SHOWN_TO_APPROVE = 4000, 100_000
"""Characters of a tool's result shown in its card (the rest is in the plot and the summary), and of arguments that
somebody is asked to approve."""
FILE_ROUTE = "/gradio_api/file="
"""Where Gradio serves files of the folders that it may (see ``allowed_paths`` in the server)."""
STATUS_NOTES = {
    "interrupted": "This answer was cut short when the server stopped. Press retry to have it again.",
    "cancelled": "Stopped. Press retry to have it again.",
    "failed": "This turn failed. Press retry to try again.",
}

Shown = dict[str, Any]


def history(messages: Sequence[Any]) -> list[Shown]:
    """All messages of a thread, as the chat shows them."""
    return [shown for message in messages for shown in one(message)]


def turns(messages: Sequence[Any]) -> list[str]:
    """The turn each shown message belongs to, in the order of :func:`history`."""
    return [message.turn_id for message in messages for _ in one(message)]


def edited_turn(messages: Sequence[Any], shown: Sequence[dict[str, Any]], index: int) -> str | None:
    """The turn whose user message stands at ``index`` of what the page shows; None where the two do not agree.

    Counted in user messages: a card that was stored after the page was drawn (late post-thinking) moves no turn.
    """
    asked = [message for message in messages if message.role == "user"]
    seen = [place for place, item in enumerate(shown) if item.get("role") == "user"]
    return asked[seen.index(index)].turn_id if index in seen and len(seen) == len(asked) else None


def one(message: Any) -> list[Shown]:
    """One stored message: a user's words, or an answer with its cards."""
    if message.role == "user":
        return [user(message.text)]
    return answer(message.events, message.text, message.status)


def user(text: str) -> Shown:
    """What the user said, word for word (markup in it is shown, not run)."""
    return {"role": "user", "content": html.escape(text, quote=False)}


def answer(
    events: Sequence[dict[str, Any]],
    text: str,
    status: str = "complete",
    progress: Mapping[str, tuple[float, str]] | None = None,
    ahead: int = 0,
) -> list[Shown]:
    """An answer: recalled thoughts, tool cards with their plots, the text, what was remembered, what it cost.

    ``progress`` says for running calls, by their id, the share done and what is being done; ``ahead`` how many answers
    the model writes before this one.
    """
    running = progress or {}
    before, after = [], []
    decided = {event["call_id"]: event["approved"] for event in events if event["kind"] == "Decision"}
    ends = {event["call_id"]: event for event in events if event["kind"] == "ToolEnd"}
    for event in events:
        kind = event["kind"]
        if kind == "Recall" and event["thoughts"]:
            before.append(recalled(event["thoughts"]))
        elif kind == "ToolStart":
            end, now = ends.get(event["call_id"]), running.get(event["call_id"])
            before.extend(tool(event, end, over=status != "running", said=text, now=now))
            if event["call_id"] in decided:
                word = "Approved: see below." if decided[event["call_id"]] else "Not now: it did not run."
                before.append({"role": "assistant", "content": f"*{word}*"})
        elif kind == "MemoryWrite" and event["changes"]:
            after.append(remembered(event["changes"]))
        elif kind == "Error":
            after.append(problem(event["message"], event["hint"]))
        elif kind == "Usage":
            after.append(usage(event))
    if text.strip():
        before.append({"role": "assistant", "content": text})
    elif status == "running":
        waits = f"*Waiting: {count(ahead, 'answer')} before this one.*"
        before.append({"role": "assistant", "content": waits if ahead else "…"})
    if status in STATUS_NOTES and not any(event["kind"] == "Error" for event in events):
        after.insert(0, {"role": "assistant", "content": f"*{STATUS_NOTES[status]}*"})
    if status != "running":
        after.extend(map(question, waiting(events)[:1]))
    return before + after


def question(start: dict[str, Any]) -> Shown:
    """The question whether a refused call shall run, with its two buttons.

    The page shows the buttons of a chat's last message only, so this comes last, and one call is asked about at a time.
    """
    content = f"**{cell(start['name'])}** was not run: it may change something outside of this chat. Its arguments:\n"
    content += f"```json\n{_json(start['arguments'], SHOWN_TO_APPROVE)}\n```"
    options = [
        {"label": "Approve", "value": f"{APPROVE} {start['call_id']}"},
        {"label": "Not now", "value": f"{DECLINE} {start['call_id']}"},
    ]
    return {"role": "assistant", "content": content, "options": options}


def approved(messages: Sequence[Any], call_id: str) -> list[Any]:
    """The stored messages as they are once the waiting call of that id is approved."""
    word = Decision(call_id=call_id, approved=True).as_dict()
    asked = [call_id in {start["call_id"] for start in waiting(message.events)} for message in messages]
    return [
        replace(message, events=[*message.events, word]) if here else message
        for message, here in zip(messages, asked, strict=True)
    ]


def recalled(thoughts: Sequence[dict[str, Any]]) -> Shown:
    """A card that opens to the recalled thoughts with score and date."""
    rows = "\n".join(f"| {cell(t['text'])} | {t['score']:.2f} | {cell(t['date'])} |" for t in thoughts)
    title = f"Recalled {count(len(thoughts), 'thought')}"
    return card(title, f"| thought | score | date |\n|---|---|---|\n{rows}")


def remembered(changes: Sequence[dict[str, Any]]) -> Shown:
    """A card for what post-thinking changed."""
    rows = "\n".join(f"- {cell(change['op'])}: {cell(change['text'])}" for change in changes)
    return card(f"Remembered {count(len(changes), 'thought')}", rows)


def tool(
    start: dict[str, Any],
    end: dict[str, Any] | None,
    *,
    over: bool = False,
    said: str = "",
    now: tuple[float, str] | None = None,
) -> list[Shown]:
    """A tool call's card (pending until it ended), its plots and files below; an error unless the answer ``said`` it.

    ``now`` is how far a running call is: the share done, and what it does.
    """
    content = f"Arguments\n```json\n{_json(start['arguments'])}\n```"
    if end is None:
        shown = [card(f"Tool: {start['name']}", content, status="done" if over else "pending")]
        if now is not None and not over:
            done, message = now
            line = f"{cell(message)}{' · ' if message else ''}{round(100 * min(max(done, 0.0), 1.0))} %"
            shown.append({"role": "assistant", "content": f"*{line}*"})
        return shown
    result = {key: value for key, value in end["result"].items() if key not in ("plots", "files")}
    content += f"\nResult\n```json\n{_json(result)}\n```"
    waits = (end["result"].get("error") or {}).get("code") == NEEDS_APPROVAL
    log = "done" if end["ok"] else "not run" if waits else "failed"
    shown = [card(f"Tool: {start['name']}", content, log=log, duration=float(end["seconds"]))]
    if not end["ok"]:
        error = end["result"].get("error", {})
        message = error.get("message", "The tool failed.")
        if message not in said and not waits:
            shown.append(problem(message, error.get("hint", "")))
    for plot in end["result"].get("plots", []):
        if Path(plot["path"]).is_file():
            shown.append({"role": "assistant", "content": {"path": plot["path"], "alt_text": plot["alt"]}})
        else:
            shown.append({"role": "assistant", "content": f"*The plot “{cell(plot['title'])}” is no longer on disk.*"})
    files = [file_line(file) for file in end["result"].get("files", [])]
    if files:
        shown.append({"role": "assistant", "content": "\n".join(files)})
    return shown


def file_line(file: dict[str, Any]) -> str:
    """A link to a file that a tool wrote, with its size; a note where it is gone."""
    path = Path(file["path"])
    if not path.is_file():
        return f"- *The file “{cell(file['title'])}” is no longer on disk.*"
    size = path.stat().st_size
    shown = f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"
    return f"- [{cell(file['title'])}]({FILE_ROUTE}{quote(str(path))}), {shown}"


def usage(event: dict[str, Any]) -> Shown:
    """What a turn cost, in one line that opens to the details."""
    joules = event.get("energy_j")
    energy = "" if joules is None else f" · ≈ {float(f'{joules:.2g}'):g} J"
    title = f"{event['tokens_in']} in ({event['tokens_in_cached']} kept) · {event['tokens_out']} out · "
    title += f"{event['seconds']:.1f} s{energy}"
    avoided = event.get("tokens_avoided")
    if avoided is not None:
        title += f" · {avoided:+} tokens avoided"
    first = event.get("first_token_s")
    lines = [
        f"- prompt: {event['tokens_in']} tokens, of which {event['tokens_in_cached']} were kept from before",
        f"- answer: {event['tokens_out']} tokens" + ("" if first is None else f", the first after {first:.2f} s"),
        f"- processor: {event['cpu_s']:.2f} s; energy by {event['energy_backend']}",
    ]
    if event.get("co2e_g") is not None:
        lines.append(f"- CO₂e: ≈ {float(format(event['co2e_g'], '.2g')):g} g, carbon intensity: {event['ci_source']}")
    if event.get("flops"):
        lines.append(f"- model: {event['flops']:.3g} floating-point operations")
    if avoided is not None:
        lines.append(f"- prompt tokens avoided beside the whole chat, net of what the memory spent: {avoided:+}")
    if event.get("would_overflow"):
        lines.append("- with the whole chat, the prompt would not have fitted into the model's context")
    return card(title, "\n".join(lines))


def problem(message: str, hint: str) -> Shown:
    """An error: what happened, and what to do next."""
    return {"role": "assistant", "content": f"⚠️ **{cell(message)}** {cell(hint)}".rstrip()}


def card(title: str, content: str, *, status: str = "done", log: str = "", duration: float | None = None) -> Shown:
    """A collapsible card."""
    metadata: dict[str, Any] = {"title": title, "status": status}
    if log:
        metadata["log"] = log
    if duration is not None:
        metadata["duration"] = duration
    return {"role": "assistant", "content": content, "metadata": metadata}


def cell(text: str) -> str:
    """Text that can stand in a Markdown table without becoming markup."""
    flat = " ".join(str(text).split())
    escaped = html.escape(flat, quote=False)
    for sign in "\\`*_[]|#!":
        escaped = escaped.replace(sign, "\\" + sign)
    return escaped


def count(number: int, noun: str) -> str:
    """``1 thought``, ``2 thoughts``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _json(data: Any, most: int = SHOWN_JSON) -> str:
    text = json.dumps(data, indent=1, ensure_ascii=False, default=str).replace("```", "ʼʼʼ")
    return text if len(text) <= most else text[:most] + "\n… (cut)"
