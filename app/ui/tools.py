"""The Tools tab: each tool by hand, with a form made of its schema, and the same call as text for other places."""

from __future__ import annotations

import html
import json
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import gradio as gr
from pydantic import ValidationError

from bethink.agents.hand_call import HandCall
from bethink.app.ui import forms, render, snippets
from bethink.app.ui.uploads import ENDINGS, UploadLimits, take
from bethink.tools import all_tools

if TYPE_CHECKING:
    from bethink.agents.agent import Agent
    from bethink.tools.contract import Tool

LOOK_EVERY_S = 0.25
MAX_JSON = 200_000
"""Characters of a result that the page shows."""
LABELS = {
    "chat": "In the chat",
    "shell": "Command line",
    "mcp": "Any MCP client (here Python; needs bethink[mcp])",
    "langchain": "LangChain",
}
INTRO = "Each tool runs here by hand, as the chat runs it. What is left as it stands is not sent."
UserOf = Callable[[gr.Request], str]


@dataclass(frozen=True)
class Panel:
    """The parts of one tool's panel that its events fill."""

    tool: Tool
    form: list[forms.Field]
    controls: list[Any]
    run: gr.Button
    stop: gr.Button
    state: gr.HTML
    result: gr.HTML
    data: gr.Code
    code: dict[str, gr.Code]


def build_tools(agent: Agent, user_of: UserOf, tab: gr.Tab, uploads: UploadLimits | None = None) -> None:
    """Build the tab inside the current Blocks."""
    ours = {tool.name for tool in all_tools()}
    names = [tool.name for tool in agent.tools]
    gr.Markdown(INTRO, elem_id="tools-intro")
    chosen = gr.Radio(names, value=names[0], label="Tool", elem_id="tools-chosen")
    running: dict[tuple[str, str], threading.Event] = {}
    groups, panels = [], []
    for number, tool in enumerate(agent.tools):
        with gr.Column(visible=number == 0, elem_id=f"tool-{number}") as group:
            panels.append(_panel(agent, user_of, tool, running, uploads, codes=tool.name in ours))
        groups.append(group)
    quick: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    chosen.change(lambda name: [gr.update(visible=name == each) for each in names], [chosen], groups, **quick)

    filed = [(panel, index) for panel in panels for index, one in enumerate(panel.form) if one.kind == "file"]

    def on_open(request: gr.Request) -> Any:
        return [gr.update(choices=[forms.NO_FILE, *files_of(agent, user_of(request))]) for _ in filed]

    if filed:
        tab.select(on_open, None, [panel.controls[index] for panel, index in filed], **quick)


def files_of(agent: Agent, user_id: str) -> list[str]:
    """The names of a user's uploaded files, the latest first."""
    folder = agent.folder_of(user_id)
    found = [path for path in folder.glob("*") if path.suffix in ENDINGS and path.is_file()] if folder.is_dir() else []
    return [path.name for path in sorted(found, key=lambda path: -path.stat().st_mtime)]


def _panel(
    agent: Agent,
    user_of: UserOf,
    tool: Tool,
    running: dict[tuple[str, str], threading.Event],
    uploads: UploadLimits | None,
    *,
    codes: bool,
) -> Panel:
    form = forms.fields(tool.input_schema())
    files = [one.name for one in form if one.kind == "file"]
    gr.Markdown(render.cell(tool.description), elem_classes="tool-description")
    samples = []
    if tool.examples:
        with gr.Row(elem_classes="samples"):
            for sentence, arguments in tool.examples:
                samples.append((gr.Button(sentence, size="sm", variant="secondary"), arguments))
    first = tool.examples[0][1] if tool.examples else {}
    with gr.Row(elem_classes="tool-form"):
        controls = [forms.control(one) for one in form]
    with gr.Row(elem_classes="tool-buttons"):
        run = gr.Button("Run", variant="primary", size="md", scale=0, min_width=140, elem_classes="tool-run")
        stop = gr.Button(
            "Stop", variant="stop", size="md", scale=0, min_width=140, interactive=False, elem_classes="tool-stop"
        )
        if files:
            add = gr.UploadButton(
                "Add a CSV or Parquet", file_types=list(ENDINGS), size="md", variant="secondary", scale=0, min_width=220
            )
    state = gr.HTML("", elem_classes="tool-state")
    result = gr.HTML("<p>The result appears here.</p>", elem_classes="tool-result")
    with gr.Accordion("The result as JSON", open=False):
        data = gr.Code("{}", language="json", label="Result", interactive=False, max_lines=24)
    with gr.Accordion("The same call elsewhere", open=False, elem_classes="tool-code"):
        gr.Markdown("Copied as it stands, each of these makes the call that the form describes when it was run.")
        kinds = ("chat", "shell", "mcp", "langchain") if codes else ("chat",)
        code = {
            kind: gr.Code(
                text,
                language="shell" if kind in ("chat", "shell") else "python",
                label=LABELS[kind],
                interactive=False,
                lines=1,
            )
            for kind, text in codes_of(tool, first, kinds).items()
        }
    panel = Panel(tool, form, controls, run, stop, state, result, data, code)
    quick: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    outputs = [run, stop, state, result, data, *code.values(), *controls]

    def on_run(request: gr.Request, *shown: Any) -> Any:
        yield from _run(agent, user_of(request), panel, running, shown)

    run.click(on_run, controls, outputs, concurrency_limit=8, concurrency_id="tool", **quick)

    def on_stop(request: gr.Request) -> str:
        event = running.get((user_of(request), tool.name))
        if event is not None:
            event.set()
        return said("Stopping …" if event is not None else "It is not running.")

    stop.click(on_stop, None, [state], concurrency_limit=None, **quick)
    for button, arguments in samples:
        button.click(partial(_filled, panel, arguments), None, [*controls, *code.values()], **quick)
    if files:

        def on_add(path: str | None, request: gr.Request) -> Any:
            user_id = user_of(request)
            if not path:
                return gr.skip(), *[gr.skip()] * len(files)
            taken = take(Path(path), agent.folder_of(user_id), limits=uploads)
            Path(path).unlink(missing_ok=True)  # Gradio's copy, in a folder that all users share
            names = files_of(agent, user_id)
            first = [gr.update(choices=[forms.NO_FILE, *names], **({"value": names[0]} if taken.offers else {}))]
            return said(taken.line), *first, *[gr.update(choices=[forms.NO_FILE, *names])] * (len(files) - 1)

        shown = [control for one, control in zip(form, controls, strict=True) if one.kind == "file"]
        add.upload(on_add, [add], [state, *shown], **quick)
    return panel


def codes_of(tool: Tool, arguments: dict[str, Any], kinds: tuple[str, ...], uploads: str = "") -> dict[str, str]:
    """The call as text, by where it is made."""
    names = any(arguments.get(name) for name in forms.FILES)
    folder = uploads if names else ""
    made = {
        "chat": snippets.in_chat(tool.name, arguments),
        "shell": snippets.in_shell(tool.name, arguments, folder),
        "mcp": snippets.over_mcp(tool.name, arguments, folder),
        "langchain": snippets.in_langchain(tool.name, arguments, folder),
    }
    return {kind: made[kind] for kind in kinds}


def _filled(panel: Panel, arguments: dict[str, Any]) -> list[Any]:
    """A sample's arguments in the form, and its code."""
    values = [gr.update(value=one.shown(arguments.get(one.name, one.default)), info=one.info) for one in panel.form]
    return [*values, *codes_of(panel.tool, arguments, tuple(panel.code)).values()]


def _run(
    agent: Agent, user_id: str, panel: Panel, running: dict[tuple[str, str], threading.Event], shown: Sequence[Any]
) -> Iterator[Any]:
    """Run the tool with what the form says; how far it is, then what came of it."""
    tool, form = panel.tool, panel.form
    at_rest = (gr.update(interactive=True), gr.update(interactive=False))
    unchanged = [gr.skip()] * (1 + len(panel.code))  # the data and the code

    def refused(words: str, problems: dict[str, str]) -> Any:
        return *at_rest, said(words, bad=True), gr.skip(), *unchanged, *forms.marked(form, problems)

    try:
        arguments = forms.arguments(form, shown)
        tool.Input.model_validate(arguments)
    except forms.FormError as unreadable:
        yield refused("Something in the form cannot be read; see the marked fields.", unreadable.problems)
        return
    except ValidationError as invalid:
        problems = forms.problems_of(invalid)
        others = [why for name, why in problems.items() if name not in {one.name for one in form}]
        yield refused(" ".join(["Something in the form cannot be right; see the marked fields.", *others]), problems)
        return
    key, cancel = (user_id, tool.name), threading.Event()
    if key in running:
        yield refused("It is running already. Wait, or press Stop.", {})
        return
    with agent.running.claimed((user_id, f"tool-{uuid.uuid4().hex}"), cancel) as problem:
        if problem is not None:
            yield refused(f"{problem.message} {problem.hint}", {})
            return
        running[key] = cancel
        try:
            call = HandCall(agent, tool, arguments, user_id, cancel)
            clear = forms.marked(form, {})
            yield gr.update(interactive=False), gr.update(interactive=True), bar(0, ""), gr.skip(), *unchanged, *clear
            while call.running:
                call.wait(LOOK_EVERY_S)
                same = [gr.skip()] * len(form)
                now = bar(call.done, "Stopping …" if cancel.is_set() else call.message)
                yield gr.skip(), gr.skip(), now, gr.skip(), *unchanged, *same
        finally:
            cancel.set()  # the page is gone, or it has ended
            running.pop(key, None)
    found, cost = call.result, call.cost
    codes = codes_of(tool, arguments, tuple(panel.code), str(agent.folder_of(user_id)))
    error = found.error or {}
    words = f"{error['message']} {error['hint']}" if error else f"Done: {cost}."
    plain = json.dumps(found.as_dict(), indent=1, ensure_ascii=False, default=str)
    yield (
        *at_rest, said(words, bad=bool(error)), gr.skip() if error else shown_result(found.output or {}),
        plain if len(plain) <= MAX_JSON else plain[:MAX_JSON] + "\n… (cut; the files have all of it)",
        *codes.values(), *forms.marked(form, {}),
    )  # fmt: skip


def shown_result(output: dict[str, Any]) -> str:
    """The summary, the plots and links to the files, as HTML."""
    figures = []
    for plot in output.get("plots", []):
        if Path(plot["path"]).is_file():
            title, alt = html.escape(plot["title"]), html.escape(plot["alt"], quote=True)
            image = f'<img src="{_address(plot["path"])}" alt="{alt}">'
            figures.append(f"<figure>{image}<figcaption>{title}</figcaption></figure>")
    links = [
        f'<li><a href="{_address(file["path"])}" download>{html.escape(file["title"])}</a></li>'
        for file in output.get("files", [])
        if Path(file["path"]).is_file()
    ]
    parts = [f"<p>{html.escape(str(output.get('summary', '')))}</p>"]
    parts += [f'<div class="figures">{"".join(figures)}</div>'] if figures else []
    return "".join([*parts, *([f"<ul>{''.join(links)}</ul>"] if links else [])])


def _address(path: str) -> str:
    return html.escape(render.FILE_ROUTE + quote(path), quote=True)


def bar(done: float, message: str) -> str:
    """How far a run is."""
    share = min(max(done, 0.0), 1.0)
    words = html.escape(f"{share:.0%}{f' · {message}' if message else ''}")
    return (
        f"<progress aria-label='how far it is' max='1' value='{share:.3f}'></progress>"
        f'<div role="status" data-state="busy">{words}</div>'
    )


def said(words: str, *, bad: bool = False) -> str:
    """A line that is read out to screen readers."""
    sign = "⚠️ " if bad else ""
    state = "failed" if bad else "idle"
    return f'<div role="status" aria-live="polite" data-state="{state}">{sign}{html.escape(words)}</div>'
