"""The Chat tab: threads on the left, the conversation, suggestion chips, stop, retry, edit, memory on or off."""

from __future__ import annotations

import html
import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from bethink.agents.decisions import command_of, pending_call
from bethink.app.ui import render
from bethink.app.ui.theme import SET_URL
from bethink.app.ui.uploads import ENDINGS, UploadLimits, take

if TYPE_CHECKING:
    from bethink.agents.agent import Agent
    from bethink.agents.events import Event

log = logging.getLogger(__name__)

UPDATE_EVERY_S = 0.05
TURNS = 24
"""Turns shown at a time; the model writes one after the other, and says how many come before. More wait unseen."""
CHIPS = 6
"""Suggestions shown; with more of them the message box is off the screen."""
TOLD = "My sister Maria lives in Porto and is allergic to nuts."
ASKED = "Where does Maria live?"
PLACEHOLDER = """### Tell Bethink something, then ask about it tomorrow
It recalls thoughts before it answers, and thinks about what you said afterwards. Everything stays on this machine.
"""
FOCUS_COMMAND = """() => setTimeout(() => {
  const box = document.querySelector('#message textarea');
  if (box.value.startsWith('/')) { box.scrollIntoView({block: 'center'}); box.focus(); }
}, 200)"""
UserOf = Callable[[gr.Request], str]


@dataclass
class ChatTab:
    """The components other parts of the page wire to."""

    threads: gr.Radio
    chatbot: gr.Chatbot
    state: gr.HTML
    load: Callable[..., Any]


def state_line(state: str, text: str) -> str:
    """The line under the chat that says whether it is answering (read out to screen readers)."""
    return f'<div role="status" aria-live="polite" data-state="{state}">{text}</div>'


READY = state_line("idle", "Ready.")
BUSY = state_line("busy", "Answering …")


def chips(agent: Agent) -> list[tuple[str, str]]:
    """(label, message) of each suggestion; a method's is the first example of its first tool, as an exact command."""
    made: dict[str, tuple[str, str]] = {TOLD: (TOLD, TOLD), ASKED: (ASKED, ASKED)}
    for tool in agent.tools:
        method = tool.Input.__module__.rpartition(".")[0]
        for sentence, arguments in tool.examples[:1]:
            made.setdefault(method, (sentence, f"/{tool.name} {json.dumps(arguments)}"))
    return list(made.values())[:CHIPS]


def thread_choices(agent: Agent, user_id: str, query: str = "") -> list[tuple[str, str]]:
    """(title, id) of the user's threads, latest first."""
    return [(thread.title, thread.id) for thread in agent.threads.list(user_id, query)]


def answering(messages: Sequence[Any]) -> bool:
    """Whether the last answer of a thread is still being written."""
    return bool(messages) and messages[-1].status == "running"


def stream_turn(
    agent: Agent, events: Iterator[Event], before: list[render.Shown], said: str
) -> Iterator[list[render.Shown]]:
    """What the chat shows while a turn runs, at most twenty times a second, and once more at its end."""
    shown, text, status, last, ahead = [], "", "running", 0.0, 0
    collected: list[dict[str, Any]] = []
    progress: dict[str, tuple[float, str]] = {}
    try:
        for event in events:
            if event.kind == "Token":
                text += event.text  # type: ignore[attr-defined]
            elif event.kind == "Done":
                status = event.status  # type: ignore[attr-defined]
                text = event.text or text  # type: ignore[attr-defined]
            elif event.kind == "Waiting":
                ahead = event.before  # type: ignore[attr-defined]
            elif event.kind == "ToolProgress":
                progress[event.call_id] = (event.done, event.message)  # type: ignore[attr-defined]
            else:
                collected.append(event.as_dict())
            if time.monotonic() - last >= UPDATE_EVERY_S:
                last = time.monotonic()
                yield [*before, render.user(said), *render.answer(collected, text, "running", progress, ahead)]
    except Exception as problem:
        log.exception("a turn could not be shown")
        collected.append({"kind": "Error", "message": str(problem) or "Something failed.", "hint": "Press retry."})
        status = "failed"
    shown = [*before, render.user(said), *render.answer(collected, text, status)]
    yield shown


def build_chat(
    agent: Agent, user_of: UserOf, memory_default: bool = True, uploads: UploadLimits | None = None
) -> ChatTab:
    """Build the tab inside the current Blocks."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=220, elem_id="side"):
            new = gr.Button("New chat", variant="secondary", elem_id="new-chat")
            search = gr.Textbox(
                label="Search chats", placeholder="A word from a title or a message", elem_id="search-chats"
            )
            threads = gr.Radio([], label="Chats", elem_id="threads")
            with gr.Accordion("Rename or delete", open=False, elem_id="thread-actions"):
                title = gr.Textbox(label="New title", max_length=120, elem_id="thread-title")
                rename = gr.Button("Rename", size="sm", elem_id="rename-thread")
                delete = gr.Button("Delete this chat", variant="stop", size="sm", elem_id="delete-thread")
        with gr.Column(scale=4, min_width=320, elem_id="main"):
            chatbot = gr.Chatbot(
                elem_id="chat",
                label="Conversation",
                show_label=False,
                height="calc(100vh - 400px)",
                editable="user",
                placeholder=PLACEHOLDER,
                allow_tags=False,
                buttons=["copy"],
                feedback_options=None,
                layout="bubble",
                latex_delimiters=[],
            )
            state = gr.HTML(READY, elem_id="turn-state")
            with gr.Row(elem_id="chips"):
                buttons = [
                    (gr.Button(label, size="sm", elem_id=f"chip-{number}"), text)
                    for number, (label, text) in enumerate(chips(agent))
                ]
            with gr.Row():
                box = gr.Textbox(
                    label="Message",
                    show_label=False,
                    placeholder="Write a message and press Enter",
                    lines=1,
                    max_lines=8,
                    autofocus=True,
                    scale=6,
                    elem_id="message",
                )
                send = gr.Button("Send", variant="primary", scale=1, min_width=80, elem_id="send")
                stop = gr.Button("Stop", variant="stop", scale=1, min_width=80, visible=False, elem_id="stop")
            with gr.Row():
                memory = gr.Checkbox(
                    value=memory_default,
                    label="Memory: recall before answering, remember after",
                    scale=4,
                    min_width=180,
                    elem_id="memory-on",
                )
                add = gr.UploadButton(
                    "Add a CSV or Parquet",
                    file_types=list(ENDINGS),
                    file_count="single",
                    variant="secondary",
                    size="sm",
                    scale=1,
                    min_width=90,
                    elem_id="add-csv",
                )
            offers = gr.State([])
            other = gr.Button("", size="sm", variant="secondary", visible=False, elem_id="other-command")

    def stored(user_id: str, thread_id: str | None) -> list[Any] | None:
        """The thread's messages; None when this user has no such thread (any more)."""
        from bethink.agents.threads import ThreadNotFound

        try:
            return agent.threads.messages(user_id, thread_id) if thread_id else None
        except ThreadNotFound:
            return None

    def shown_thread(user_id: str, thread_id: str | None) -> list[render.Shown]:
        return render.history(stored(user_id, thread_id) or [])

    def run(events: Callable[[str, str], Iterator[Event]], before: Any, said: str, user_id: str, thread_id: str) -> Any:
        """Stream one turn into (chatbot, threads, box, send, stop, state)."""
        # another chat picked now would be overwritten by this one's next piece
        choices = gr.update(choices=thread_choices(agent, user_id), value=thread_id, interactive=False)
        yield [*before, render.user(said)], choices, "", gr.update(visible=False), gr.update(visible=True), BUSY
        shown = before
        for shown in stream_turn(agent, events(user_id, thread_id), before, said):
            yield shown, gr.skip(), gr.skip(), gr.skip(), gr.skip(), gr.skip()
        choices = gr.update(choices=thread_choices(agent, user_id), value=thread_id, interactive=True)
        yield shown, choices, gr.skip(), gr.update(visible=True), gr.update(visible=False), READY

    def idle(message: str) -> Any:
        return gr.skip(), gr.skip(), gr.skip(), gr.skip(), gr.skip(), state_line("idle", message)

    def still_answering() -> Any:
        line = state_line("busy", "This chat is still answering. Wait, or press stop.")
        return gr.skip(), gr.skip(), gr.skip(), gr.skip(), gr.skip(), line

    def on_send(text: str, thread_id: str | None, remember: bool, request: gr.Request) -> Any:
        from bethink.agents.agent import MAX_TEXT
        from bethink.agents.threads import clean

        user_id, text = user_of(request), clean(text or "")
        if not text.strip():
            yield idle("Write something first, or pick a suggestion.")
            return
        if (size := len(text.encode())) > MAX_TEXT:
            # the box keeps the text
            yield idle(f"The message has {size:,} bytes; at most {MAX_TEXT:,} are read. Send the part that matters.")
            return
        messages = stored(user_id, thread_id)
        if answering(messages or []):
            yield still_answering()
            return
        if (problem := agent.running.refusal(user_id)) is not None:
            yield idle(f"{problem.message} {problem.hint}")
            return
        if messages is None or not thread_id:
            thread_id, messages = agent.threads.create(user_id).id, []
        before = render.history(messages)
        yield from run(
            lambda user, thread: agent.stream(text, user_id=user, thread_id=thread, memory=remember),
            before,
            text,
            user_id,
            thread_id,
        )

    def on_edit(
        data: gr.EditData, shown: list[dict[str, Any]], thread_id: str | None, remember: bool, request: gr.Request
    ) -> Any:
        user_id = user_of(request)
        messages = stored(user_id, thread_id)
        text = html_unescape(str(data.value))
        if not thread_id or not messages:
            yield idle("There is nothing to edit.")
            return
        if answering(messages):
            yield still_answering()
            return
        if not text.strip():
            yield idle("The message was left as it was: it cannot be empty.")
            return
        index = data.index[0] if isinstance(data.index, list | tuple) else data.index
        turn = render.edited_turn(messages, shown, index)
        if turn is None:
            yield idle("This chat has changed since it was shown. Reload the page, then edit again.")
            return
        before = render.history(list(messages[: [m.turn_id for m in messages].index(turn)]))
        yield from run(
            lambda user, thread: agent.edit(text, user_id=user, thread_id=thread, turn_id=turn, memory=remember),
            before,
            text,
            user_id,
            thread_id,
        )

    def on_retry(thread_id: str | None, remember: bool, request: gr.Request) -> Any:
        user_id = user_of(request)
        messages = stored(user_id, thread_id) or []
        if answering(messages):
            yield still_answering()
            return
        asked = [message for message in messages if message.role == "user"]
        if not asked or not thread_id:
            yield idle("There is nothing to answer again.")
            return
        before = render.history([m for m in messages if m.turn_id != asked[-1].turn_id])
        yield from run(
            lambda user, thread: agent.retry(user_id=user, thread_id=thread, memory=remember),
            before,
            asked[-1].text,
            user_id,
            thread_id,
        )

    def on_decide(data: gr.SelectData, thread_id: str | None, remember: bool, request: gr.Request) -> Any:
        """Approve or Not now was pressed: what runs is the stored call, whatever the browser sends."""
        user_id = user_of(request)
        messages = stored(user_id, thread_id) or []
        word, _, call_id = str(data.value).partition(" ")
        if answering(messages):
            yield still_answering()
            return
        call = pending_call(messages, call_id)
        if not thread_id or call is None or word not in (render.APPROVE, render.DECLINE):
            yield idle("This call is not waiting for approval (any more). Reload the page to see what became of it.")
            return
        if word == render.DECLINE:
            agent.threads.decide(user_id, thread_id, call_id, approved=False)
            yield shown_thread(user_id, thread_id), *idle("It did not run.")[1:]
            return
        if (problem := agent.running.refusal(user_id)) is not None:
            yield idle(f"{problem.message} {problem.hint}")
            return
        yield from run(
            lambda user, thread: agent.approve(call_id, user_id=user, thread_id=thread, memory=remember),
            render.history(render.approved(messages, call_id)),
            command_of(*call),
            user_id,
            thread_id,
        )

    def on_stop(thread_id: str | None, request: gr.Request) -> str:
        if thread_id and agent.cancel(user_id=user_of(request), thread_id=thread_id):
            return state_line("busy", "Stopping …")
        return READY

    def on_upload(path: str | None, thread_id: str | None, request: gr.Request) -> Any:
        """(message box, state, offers, other): the command for the file, what was read of it, what else can be done."""
        if not path:
            return gr.skip(), READY, gr.skip(), gr.skip()
        user_id = user_of(request)
        taken = take(Path(path), agent.folder_of(user_id), limits=uploads)
        Path(path).unlink(missing_ok=True)  # Gradio's copy, in a folder that all users share
        state = "busy" if answering(stored(user_id, thread_id) or []) else "idle"
        command = taken.offers[0].command if taken.offers else gr.skip()
        found = [(offer.label, offer.command) for offer in taken.offers]
        return command, state_line(state, html.escape(taken.line)), found, other_button(found)

    def on_other(found: list[tuple[str, str]]) -> Any:
        """(message box, offers, other): the next offer takes the first one's place, in turn."""
        if len(found) < 2:
            return gr.skip(), gr.skip(), gr.skip()
        turned = [*found[1:], found[0]]
        return turned[0][1], turned, other_button(turned)

    def on_pick(thread_id: str | None, request: gr.Request) -> Any:
        return shown_thread(user_of(request), thread_id)

    def on_new(request: gr.Request) -> Any:
        return gr.update(choices=thread_choices(agent, user_of(request)), value=None), [], READY

    def on_search(query: str, thread_id: str | None, request: gr.Request) -> Any:
        choices = thread_choices(agent, user_of(request), query)
        # the open chat stays in the list, or the next message would start another one
        if thread_id and thread_id not in {ident for _, ident in choices}:
            choices += [choice for choice in thread_choices(agent, user_of(request)) if choice[1] == thread_id]
        return gr.update(choices=choices, value=thread_id)

    def on_rename(name: str, thread_id: str | None, request: gr.Request) -> Any:
        user_id = user_of(request)
        if thread_id and stored(user_id, thread_id) is not None:
            agent.threads.rename(user_id, thread_id, name or "")
        return gr.update(choices=thread_choices(agent, user_id), value=thread_id), ""

    def on_delete(thread_id: str | None, request: gr.Request) -> Any:
        user_id = user_of(request)
        if thread_id and stored(user_id, thread_id) is not None:
            agent.cancel(user_id=user_id, thread_id=thread_id)
            agent.threads.delete(user_id, thread_id)
        return gr.update(choices=thread_choices(agent, user_id), value=None), []

    def load(request: gr.Request) -> Any:
        """Threads, and the one the address names (or none)."""
        user_id = user_of(request)
        choices = thread_choices(agent, user_id)
        wanted = request.query_params.get("thread")
        thread_id = wanted if wanted in {ident for _, ident in choices} else None
        # nothing to say must not overwrite what an early upload said
        note = gr.skip() if thread_id or not wanted else state_line("idle", "That chat does not exist (any more).")
        return gr.update(choices=choices, value=thread_id), shown_thread(user_id, thread_id), note

    private: dict[str, Any] = {"api_visibility": "private"}
    turn: dict[str, Any] = {
        "outputs": [chatbot, threads, box, send, stop, state],
        "show_progress": "hidden",
        "concurrency_limit": TURNS,
        "concurrency_id": "turn",
        **private,
    }
    quick: dict[str, Any] = {"show_progress": "hidden", **private}
    gr.on([send.click, box.submit], on_send, [box, threads, memory], **turn)
    for button, text in buttons:
        button.click(_fixed(on_send, text), [threads, memory], **turn)
    chatbot.retry(on_retry, [threads, memory], **turn)
    chatbot.edit(on_edit, [chatbot, threads, memory], **turn)
    chatbot.option_select(on_decide, [threads, memory], **turn)
    added = add.upload(on_upload, [add, threads], [box, state, offers, other], **quick)
    added.then(None, js=FOCUS_COMMAND, **private)
    swapped = other.click(on_other, [offers], [box, offers, other], **quick)
    swapped.then(None, js=FOCUS_COMMAND, **private)
    stop.click(on_stop, [threads], [state], concurrency_limit=None, **quick)
    threads.input(on_pick, [threads], [chatbot], **quick)
    threads.change(None, [threads], None, js=SET_URL, **private)
    new.click(on_new, None, [threads, chatbot, state], **quick)
    search.change(on_search, [search, threads], [threads], trigger_mode="always_last", **quick)
    rename.click(on_rename, [title, threads], [threads, title], **quick)
    delete.click(on_delete, [threads], [threads, chatbot], **quick)
    return ChatTab(threads, chatbot, state, load)


def other_button(offers: Sequence[tuple[str, str]]) -> Any:
    """The button that puts the second of (label, command) into the message box; hidden where there is none."""
    if len(offers) < 2:
        return gr.update(visible=False)
    return gr.update(value=f"{offers[1][0]} instead", visible=True)


def html_unescape(text: str) -> str:
    """Undo :func:`render.user`'s escaping of what comes back from the edit box."""
    return html.unescape(text)


def _fixed(handler: Callable[..., Any], text: str) -> Callable[..., Any]:
    """A send handler whose message is fixed (a suggestion chip)."""

    def send(thread_id: str | None, remember: bool, request: gr.Request) -> Any:
        yield from handler(text, thread_id, remember, request)

    return send
