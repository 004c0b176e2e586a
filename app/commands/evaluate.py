"""``bethink eval``: measure memory and model on dialogues that go over many days."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from bethink.app.output import JSON_FLAG, emit, fail, progress, stderr

app = typer.Typer(help="Measure the memory and the model on long dialogues.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep ``dialogue`` a named command."""


@app.command()
def dialogue(
    data: Annotated[str, typer.Option(help="Which dialogues: gvd.")] = "gvd",
    users: Annotated[int, typer.Option(min=1, help="Only the first so many users.")] = 15,
    backbone: Annotated[str | None, typer.Option(help="The model that answers; 'none' measures recall alone.")] = None,
    extractor: Annotated[str, typer.Option(help="What becomes a thought: rules, turns or rules+turns.")] = "rules",
    k: Annotated[int, typer.Option(min=1, max=50, help="Thoughts recalled per question.")] = 5,
    out: Annotated[Path, typer.Option(help="One line per answer; an unfinished run goes on.")] = Path("gvd.jsonl"),
    json_: bool = JSON_FLAG,
) -> None:
    """Replay dialogues through the memory in a throw-away store, then ask about them. Ctrl-C keeps what was done."""
    from bethink.agents.evaluation.dialogue import Report, evaluate, make_extractor, summarise
    from bethink.agents.evaluation.gvd import load_gvd
    from bethink.app.build import model_options
    from bethink.app.settings import load_settings
    from bethink.models.embedder import SentenceEmbedder
    from bethink.models.registry import load_chat_model

    if data != "gvd":
        fail(f"There are no dialogues {data!r}.", "Known: gvd.", code=2)
    make_extractor(extractor)
    settings = load_settings(model=backbone)
    dialogues = load_gvd()[:users]
    described = {"data": data, "users": users, "model": settings.model, "extractor": extractor, "k": k}
    cancel = threading.Event()
    # the first Ctrl-C ends the run at the next answer; a second one ends the process at once
    signal.signal(signal.SIGINT, lambda number, frame: _stop_soon(cancel))
    with progress("Loading …") as report:
        model = None
        if settings.model != "none":
            model = load_chat_model(settings.model, progress=report, **model_options(settings))
        file = Report(out, described)
        kept = len(file.rows)
        results = evaluate(
            dialogues,
            model,
            SentenceEmbedder(),
            extractor=extractor,
            k=k,
            done=list(file.rows),
            progress=report,
            cancel=cancel,
        )
        try:
            for result in results:
                file.add(result)
        finally:
            results.close()
            file.close()
    cancelled = cancel.is_set()
    if kept:
        stderr.print(f"{kept} answers were already in {out}.", highlight=False)
    figures = {**described, **summarise(file.rows, file.replays), "report": str(out), "cancelled": cancelled}
    emit(figures, lambda: _table(figures))
    if cancelled:
        stderr.print("Cancelled. What was done is kept; the same command goes on from there.")
        raise typer.Exit(130)


def _stop_soon(cancel: threading.Event) -> None:
    cancel.set()
    signal.signal(signal.SIGINT, signal.default_int_handler)


MEANING = {
    "questions": "questions answered",
    "naming_a_day": "of these, questions that name a day",
    "day_any_recalled": "… a recalled thought is from that day",
    "day_share_of_recalled": "… share of recalled thoughts from that day",
    "topic_any_recalled": "others: a recalled thought is on the topic named (estimated by words)",
    "topic_share_of_recalled": "… share of recalled thoughts on the topic (estimated by words)",
    "day_or_topic_any_recalled": "all: a recalled thought is from the day or topic named",
    "answers_resting_on_recalled": "answers that rest on a recalled thought (half of their own words)",
    "thoughts": "thoughts in the memory",
    "post_think_s_per_turn": "post-thinking, seconds per turn",
    "recall_ms": "recall, milliseconds",
    "answer_s": "answer, seconds per question",
    "tokens_in_per_answer": "prompt tokens per question",
    "tokens_out_per_answer": "answer tokens per question",
}


def _table(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    title = f"{figures['data']}: {figures['users']} users, {figures['model']}, thoughts from {figures['extractor']}"
    table = Table("figure", "value", title=title)
    for key, meaning in MEANING.items():
        value = figures[key]
        shown = (
            "-"
            if value is None
            else f"{value:.1%}"
            if "any" in key or "share" in key or "resting" in key
            else str(value)
        )
        table.add_row(meaning, shown)
    Console().print(table)
