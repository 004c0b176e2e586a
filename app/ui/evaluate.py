"""The Evaluate tab: put long dialogues through a memory, watch the figures come in, look at the report."""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from bethink.agents.evaluation.background import Background
from bethink.agents.evaluation.conversations import EvaluationError
from bethink.agents.evaluation.datasets import SETS, load
from bethink.agents.evaluation.dialogue import SUITES, Plan
from bethink.agents.evaluation.memories import MEMORIES, WHATS, open_memory
from bethink.agents.evaluation.page import named, page, sections, write_page
from bethink.agents.evaluation.runs import Run
from bethink.agents.evaluation.summary import scores

if TYPE_CHECKING:
    from bethink.agents.agent import Agent

HEADERS = ["", "%", "95 % interval", "of"]
OWN = "a file of my own"
INTRO = (
    "Long dialogues go through a memory in a store that is thrown away afterwards; then it is asked what was said. "
    "Your own memory is not touched. The sets other than GVD are files of their authors: set BETHINK_DIALOGUE_DATA to "
    "their folder."
)
NO_REPORT = "<p>The report of a run appears here.</p>"
UserOf = Callable[[gr.Request], str]


def build_evaluate(agent: Agent, user_of: UserOf, tab: gr.Tab) -> None:
    """Build the tab inside the current Blocks. One run at a time; it goes on when the page is closed."""
    jobs: dict[str, Background] = {}
    gr.Markdown(INTRO, elem_id="evaluate-intro")
    with gr.Row():
        data = gr.Dropdown([*SETS, OWN], value="gvd", label="Dialogues", elem_id="evaluate-data")
        memory = gr.Dropdown(
            [(f"{name}: {what}", name) for name, what in MEMORIES.items()],
            value="default",
            label="Memory",
            elem_id="evaluate-memory",
        )
        what = gr.Dropdown(list(WHATS), value="turns", label="What is remembered", elem_id="evaluate-what")
    own = gr.File(label="JSON or JSON lines", file_types=[".json", ".jsonl"], visible=False, elem_id="evaluate-file")
    with gr.Row():
        conversations = gr.Slider(1, 50, value=3, step=1, label="Conversations at most", elem_id="evaluate-count")
        questions = gr.Slider(1, 200, value=20, step=1, label="Questions of each at most", elem_id="evaluate-questions")
        suites = gr.CheckboxGroup(list(SUITES), value=["questions"], label="Suites", elem_id="evaluate-suites")
        answers = gr.Checkbox(
            value=False, label=f"Let {agent.model_name} answer (slow), not recall alone", elem_id="evaluate-answers"
        )
    with gr.Row():
        start = gr.Button("Start", variant="primary", elem_id="evaluate-start")
        stop = gr.Button("Stop", variant="stop", interactive=False, elem_id="evaluate-stop")
    state = gr.HTML("", elem_id="evaluate-state")
    figures = gr.Dataframe(
        headers=HEADERS,
        interactive=False,
        wrap=True,
        label="So far",
        visible=False,
        max_height=420,
        column_widths=["52%", "12%", "24%", "12%"],
        elem_id="evaluate-table",
    )
    with gr.Row():
        shown = gr.Dropdown([], label="A run", elem_id="evaluate-run")
        beside = gr.Dropdown([], label="Beside it", elem_id="evaluate-beside")
    files = gr.File(label="The run and its page", visible=False, file_count="multiple", elem_id="evaluate-files")
    report = gr.HTML(NO_REPORT, elem_id="evaluate-report")
    timer = gr.Timer(1.0, active=False)

    def runs_of(user_id: str) -> list[tuple[str, str]]:
        found = []
        for path in sorted(agent.folder_of(user_id, "evaluations").glob("*.jsonl"), key=lambda p: -p.stat().st_mtime):
            try:
                found.append((_title(Run(path)), path.name))
            except EvaluationError:
                continue
        return found

    def opened(user_id: str, name: str | None) -> Run | None:
        choices = {ident for _, ident in runs_of(user_id)}
        return Run(agent.folder_of(user_id, "evaluations") / name) if name in choices else None

    def look(request: gr.Request) -> Any:
        """(state, figures, start, stop, timer): how far this user's run is."""
        job = jobs.get(user_of(request))
        if job is None:
            return "", gr.skip(), gr.update(interactive=True), gr.update(interactive=False), gr.Timer(active=False)
        on = job.running
        return (
            state_line(job),
            gr.update(value=table(job.run), visible=True),
            gr.update(interactive=not on),
            gr.update(interactive=on),
            gr.Timer(active=on),
        )

    def on_tick(request: gr.Request) -> Any:
        """What ``look`` tells, and at the end of the run its report."""
        user_id = user_of(request)
        job = jobs.get(user_id)
        if job is None or job.running or not job.run.rows:
            return *look(request), gr.skip(), gr.skip(), gr.skip(), gr.skip()
        return *look(request), *on_show(job.run.path.name, None, request)

    def on_start(
        chosen: str, file: str | None, name: str, kind: str, most: int, each: int, which: list[str], answer: bool,
        request: gr.Request,
    ) -> Any:  # fmt: skip
        user_id = user_of(request)
        if any(job.running for job in jobs.values()):
            return _said("An evaluation is running on this machine. Stop it, or wait until it has ended."), *_skipped(4)
        if not which:
            return _said("Choose a suite."), *_skipped(4)
        try:
            source = (file or "") if chosen == OWN else chosen
            if not source:
                raise EvaluationError("Choose a file of dialogues first. The documentation shows its format.")
            whole = name == "full-context"
            plan = Plan(kind, whole=whole, limit=int(each), suites=tuple(which), budget=4096 if whole else 512)
            settings = {
                "data": chosen if chosen != OWN else Path(source).name, "memory": name, "what": kind,
                "model": agent.model_name if answer else "none", "conversations": int(most), "questions": int(each),
                "k": plan.k, "budget": plan.budget,
            }  # fmt: skip
            content = Path(source).read_bytes() if chosen == OWN else b""
            path = agent.folder_of(user_id, "evaluations") / f"{_name(settings, content)}.jsonl"
            loaded = load(source)[: int(most)]
            run = Run(path, settings)
            jobs[user_id] = Background(
                run, loaded, lambda folder: open_memory(name, folder, agent.embedder), agent.model if answer else None,
                plan,
            )  # fmt: skip
        except (EvaluationError, OSError) as problem:
            return _said(str(problem)), *_skipped(4)
        return look(request)

    def on_stop(request: gr.Request) -> str:
        job = jobs.get(user_of(request))
        if job is not None:
            job.stop()
        return _said("Stopping …")

    def on_show(name: str | None, other: str | None, request: gr.Request) -> Any:
        """(runs, beside, files, report)."""
        user_id = user_of(request)
        choices, run, second = runs_of(user_id), opened(user_id, name), opened(user_id, other)
        if run is None or not run.rows:
            return gr.update(choices=choices, value=None), gr.update(choices=[]), gr.update(visible=False), NO_REPORT
        data_of = {ident: Run(agent.folder_of(user_id, "evaluations") / ident).settings["data"] for _, ident in choices}
        fit = [(title, ident) for title, ident in choices if data_of[ident] == run.settings["data"] and ident != name]
        both = [run] if second is None or other not in {ident for _, ident in fit} else [second, run]
        try:
            body = page(both)
            written = write_page(both, run.path.with_suffix(".html"))
        except EvaluationError as problem:
            return (
                gr.update(choices=choices, value=name),
                gr.update(choices=fit, value=None),
                gr.skip(),
                _said(str(problem)),
            )
        return (
            gr.update(choices=choices, value=name),
            gr.update(choices=[("nothing", ""), *fit], value=other if len(both) > 1 else ""),
            gr.update(value=[str(run.path), str(written)], visible=True),
            frame(body),
        )

    def on_open(request: gr.Request) -> Any:
        choices = runs_of(user_of(request))
        return *look(request), gr.update(choices=choices)

    quick: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    seen = [state, figures, start, stop, timer]
    result = [shown, beside, files, report]
    data.change(lambda chosen: gr.update(visible=chosen == OWN), [data], [own], **quick)
    start.click(on_start, [data, own, memory, what, conversations, questions, suites, answers], seen, **quick)
    stop.click(on_stop, None, [state], **quick)
    timer.tick(on_tick, None, [*seen, *result], **quick)
    tab.select(on_open, None, [*seen, shown], **quick)
    gr.on([shown.input, beside.input], on_show, [shown, beside], result, **quick)


def table(run: Run) -> list[list[str]]:
    """The rows of the live table: every score so far with its interval."""
    name = named(run)
    return [
        [label, f"{100 * one.mean:.1f}", f"{100 * one.low:.1f} to {100 * one.high:.1f}", f"{one.count:,}"]
        for _, rows in sections({name: scores(run.rows)})
        for label, each in rows
        for one in each.values()
    ]


def state_line(job: Background) -> str:
    """How far a run is, with a bar, or how it ended."""
    if job.problem:
        return _said(job.problem)
    share = f"<progress max='1' value='{job.share:.3f}' style='width:100%;accent-color:var(--color-accent)'></progress>"
    if job.running:
        words = "Stopping …" if job.stopped else f"{job.share:.0%} · {job.message}"
        return f"{share}{_said(words)}"
    if job.stopped:
        return _said("Stopped. What was done is kept; Start goes on with the same settings.")
    return _said(f"Done: {len(job.run.rows):,} results. Start again with the same settings changes nothing.")


def frame(body: str) -> str:
    """A page within the page, without scripts and without access to it."""
    return (
        f'<iframe title="Report" sandbox="" style="width:100%;height:75vh;border:1px solid var(--border-color-primary);'
        f'border-radius:8px;background:#fff" srcdoc="{html.escape(body, quote=True)}"></iframe>'
    )


def _said(words: str) -> str:
    return f'<div role="status" aria-live="polite">{html.escape(words)}</div>'


def _skipped(count: int) -> tuple[Any, ...]:
    return tuple(gr.skip() for _ in range(count))


def _title(run: Run) -> str:
    settings = run.settings
    size = f"{settings['conversations']} × {settings['questions']}"
    return f"{settings['data']}, {named(run)}, {size} ({len(run.rows):,} results)"


def _name(settings: dict[str, Any], content: bytes) -> str:
    told = json.dumps(settings, sort_keys=True).encode("utf-8", "replace") + content
    words = "-".join(str(settings[key]) for key in ("data", "memory", "what"))
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', words)[:60]}-{hashlib.sha256(told).hexdigest()[:12]}"
