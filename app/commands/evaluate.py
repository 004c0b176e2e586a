"""``bethink eval``: measure memory and model on dialogues that go over many days, and compare such runs."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bethink.app.output import JSON_FLAG, emit, fail, progress, stderr

if TYPE_CHECKING:
    from bethink.agents.evaluation.runs import Run

app = typer.Typer(help="Measure the memory and the model on long dialogues.", no_args_is_help=True)


@app.command()
def dialogue(
    data: Annotated[
        str, typer.Option(help="gvd, gvd-zh, locomo, kdconv, madial, longmemeval, or a file of your own.")
    ] = "gvd",
    memory: Annotated[
        str, typer.Option(help="default, paper, exact, hnsw, bm25, none, full-context, oracle, mem0 or langgraph.")
    ] = "default",
    what: Annotated[
        str, typer.Option(help="What is remembered: turns, rules, rules+turns, given or given+turns.")
    ] = "turns",
    backbone: Annotated[str | None, typer.Option(help="The model that answers; 'none' measures recall alone.")] = None,
    conversations: Annotated[int | None, typer.Option(min=1, help="Only the first so many.")] = None,
    questions: Annotated[int | None, typer.Option(min=1, help="Only so many of each conversation.")] = None,
    suites: Annotated[
        str, typer.Option(help="Some of questions, contradiction, forgetting.")
    ] = "questions,contradiction,forgetting",
    k: Annotated[int, typer.Option(min=1, max=50, help="Recalled texts shown to the model.")] = 5,
    budget: Annotated[int | None, typer.Option(min=16, help="Tokens of recalled text shown at most.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The run's file; an unfinished run goes on. Default: by name.")
    ] = None,
    on_ray: Annotated[
        bool, typer.Option("--ray", help="On the Ray cluster of RAY_ADDRESS, or on this machine's cores.")
    ] = False,
    json_: bool = JSON_FLAG,
) -> None:
    """Put dialogues through a memory in a throw-away store, then ask about them. Ctrl-C keeps what was done.

    Beside the run's file stand a summary (.json) and a page with pictures (.html).
    """
    from bethink.agents.evaluation.conversations import EvaluationError
    from bethink.agents.evaluation.datasets import load
    from bethink.agents.evaluation.dialogue import Plan, evaluate
    from bethink.agents.evaluation.ray_evaluation import evaluate_on_ray
    from bethink.agents.evaluation.runs import Run
    from bethink.app.settings import load_settings

    settings = load_settings(model=backbone)
    whole = memory == "full-context"
    plan = Plan(what, k, budget or (4096 if whole else 512), whole, questions, tuple(_listed(suites)))
    described = {
        "data": data, "memory": memory, "what": what, "model": settings.model, "conversations": conversations,
        "questions": questions, "k": k, "budget": plan.budget,
    }  # fmt: skip
    place = out or Path(f"eval-{Path(data).stem}-{memory}-{what}.jsonl")
    with said_plainly(EvaluationError, ImportError, ConnectionError), stoppable() as cancel:
        chosen = load(data)[:conversations]
        run = Run(place, described)
        kept = len(run.rows)
        try:
            with progress("Loading …", below=lambda: _so_far(run)) as report:
                more: dict[str, Any] = {"done": run.done, "progress": report, "cancel": cancel}
                if on_ray:
                    rows = evaluate_on_ray(chosen, _prepare(memory, settings), plan, **more)
                else:
                    rows = evaluate(chosen, _memories(memory), load_model(settings, report), plan, **more)
                for row in rows:
                    run.add(row)
        finally:
            run.close()
        if kept:
            stderr.print(f"{kept} results were already in {place}.", highlight=False)
        _finish([run], place, cancelled=cancel.is_set())


@app.command("compare")
def compare_runs(
    first: Annotated[Path, typer.Argument(help="A run's file.")],
    second: Annotated[Path, typer.Argument(help="Another run on the same data.")],
    out: Annotated[Path, typer.Option(help="The page.")] = Path("eval-comparison.html"),
    json_: bool = JSON_FLAG,
) -> None:
    """Two runs side by side: what the second has on top of the first, with 95 % intervals."""
    from bethink.agents.evaluation.conversations import EvaluationError
    from bethink.agents.evaluation.page import write_page
    from bethink.agents.evaluation.runs import Run
    from bethink.agents.evaluation.summary import compare

    with said_plainly(EvaluationError):
        runs = [Run(first), Run(second)]
        found = compare(*runs)
        page = write_page(runs, out)
    rows = [
        {
            "suite": each.suite, "score": each.score, "first": each.first, "second": each.second,
            "difference": each.difference.as_dict(), "told_apart": each.told_apart,
        }
        for each in found
    ]  # fmt: skip
    emit({"differences": rows, "page": str(page)}, lambda: _differences(rows, page))


def _listed(words: str) -> list[str]:
    return [word.strip() for word in words.split(",") if word.strip()]


def _memories(name: str) -> Callable[[Path], Any]:
    from bethink.agents.evaluation.memories import open_memory
    from bethink.models.embedder import SentenceEmbedder

    embedder = SentenceEmbedder()
    return lambda folder: open_memory(name, folder, embedder)


def _prepare(memory: str, settings: Any) -> Callable[[], tuple[Any, Any]]:
    """What makes memory and model in a worker; only what they need is sent there, and no other setting."""
    from bethink.app.build import model_options

    spec, options = settings.model, model_options(settings)

    def prepare() -> tuple[Any, Any]:
        from bethink.models.registry import load_chat_model

        return _memories(memory), None if spec == "none" else load_chat_model(spec, **options)

    return prepare


def load_model(settings: Any, report: Callable[[float, str], None]) -> Any:
    """The chat model of the settings, None where they name none."""
    from bethink.app.build import model_options
    from bethink.models.registry import load_chat_model

    if settings.model == "none":
        return None
    return load_chat_model(settings.model, progress=report, **model_options(settings))


@contextmanager
def said_plainly(*problems: type[Exception]) -> Iterator[None]:
    """End the command with the words of a problem of these kinds."""
    try:
        yield
    except problems as problem:
        fail(str(problem), code=2)


@contextmanager
def stoppable() -> Iterator[threading.Event]:
    """The first Ctrl-C ends the run at the next answer; a second one ends the process at once."""
    cancel = threading.Event()

    def stop(number: int, frame: object) -> None:
        cancel.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield cancel
    finally:
        signal.signal(signal.SIGINT, before)


def _so_far(run: Run) -> Any:
    from rich.table import Table

    from bethink.agents.evaluation.page import MEANING
    from bethink.agents.evaluation.summary import so_far

    table = Table(box=None, show_header=False)
    for (_, name), (share, count) in so_far(run.rows).items():
        table.add_row(MEANING.get(name, name), f"{100 * share:.1f} %", f"{count:,}")
    return table


def _finish(runs: list[Run], place: Path, *, cancelled: bool) -> None:
    import json

    from bethink.agents.evaluation.page import write_page
    from bethink.agents.evaluation.summary import summary

    (run,) = runs
    figures = {**summary(run), "run": str(place), "cancelled": cancelled}
    if run.rows:
        figures["page"] = str(write_page(runs, place.with_suffix(".html")))
        text = json.dumps(figures, indent=1, ensure_ascii=False)
        place.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    emit(figures, lambda: _tables(run, place))
    if cancelled:
        stderr.print("Cancelled. What was done is kept; the same command goes on from there.")
        raise typer.Exit(130)


def _tables(run: Run, place: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    from bethink.agents.evaluation.page import COSTS, named, sections, short
    from bethink.agents.evaluation.summary import costs, scores

    console, name = Console(), named(run)
    for head, rows in sections({name: scores(run.rows)}):
        if not rows:
            continue
        table = Table(head, "%", "95 %", "of", title=f"{run.settings['data']}: {name}", title_justify="left")
        for label, each in rows:
            one = each[name]
            table.add_row(label, f"{100 * one.mean:.1f}", f"{100 * one.low:.1f}–{100 * one.high:.1f}", f"{one.count:,}")
        console.print(table)
    table = Table("Costs", "")
    for key, value in costs(run.rows).items():
        if value:
            table.add_row(COSTS[key], short(value))
    console.print(table)
    if run.rows:
        console.print(f"With pictures: {place.with_suffix('.html')}", highlight=False)


def _differences(rows: list[dict[str, Any]], page: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    from bethink.agents.evaluation.page import MEANING

    table = Table("", "first", "second", "difference", caption="* told apart: the interval leaves out 0")
    for row in rows:
        gain = row["difference"]
        mark = "*" if row["told_apart"] else ""
        table.add_row(
            MEANING.get(row["score"], row["score"]),
            f"{100 * row['first']:.1f} %",
            f"{100 * row['second']:.1f} %",
            f"{100 * gain['mean']:+.1f} ({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f}){mark}",
        )
    Console().print(table)
    Console().print(f"With pictures: {page}", highlight=False)
