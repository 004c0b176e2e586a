"""``bethink eval tools``: does a model call the right tool with the right arguments, and none where none is needed?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bethink.app.commands.evaluate import load_model, said_plainly, stoppable
from bethink.app.commands.evaluate_judge import app
from bethink.app.output import JSON_FLAG, emit, progress, stderr

if TYPE_CHECKING:
    from bethink.agents.evaluation.runs import Row

NO_DATA = (
    "Say which requests: bethink eval tools --data FILE. A file has a request a line, like "
    '{"id": "1", "text": "Coupons for 5000 euros.", "tool": "allocate_budget", "arguments": {"budget": 5000}}, '
    "or is one of the Berkeley function calling leaderboard; Bethink's sources have some in "
    "tests/benchmarks/agent/data."
)


@app.command()
def tools(
    data: Annotated[list[Path] | None, typer.Option(help="Requests; may be given several times.")] = None,
    answers: Annotated[
        Path | None, typer.Option(help="The leaderboard's right calls, where they are not beside.")
    ] = None,
    backbone: Annotated[str | None, typer.Option(help="The model that is to call the tools.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many requests, evenly spaced.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The run's file; an unfinished run goes on. Default: by name.")
    ] = None,
    json_: bool = JSON_FLAG,
) -> None:
    """Ask for tools as the agent does, and stop at the call: no tool runs. Ctrl-C keeps what was done.

    Beside the run's file stands a summary (.json).
    """
    from bethink.agents.evaluation.conversations import EvaluationError
    from bethink.agents.evaluation.runs import Run
    from bethink.agents.evaluation.tool_calls import Asker, evaluate, evenly
    from bethink.agents.evaluation.tool_data import load_cases
    from bethink.app.settings import load_settings
    from bethink.models.embedder import SentenceEmbedder
    from bethink.tools import all_tools

    with said_plainly(EvaluationError), stoppable() as cancel:
        if not data:
            raise EvaluationError(NO_DATA)
        settings = load_settings(model=backbone)
        if settings.model == "none":
            raise EvaluationError("Name the model that is to call the tools with --backbone.")
        ours = all_tools()
        cases = [case for path in data for case in load_cases(path, ours, answers)]
        if len({case.id for case in cases}) != len(cases):
            raise EvaluationError("Two of the files have the same name and ids. Rename one, or run them apart.")
        cases = evenly(cases, limit)
        place = out or Path(f"eval-tools-{'-'.join(path.name.split('.')[0] for path in data)}.jsonl")
        described = {"data": [path.name for path in data], "model": settings.model, "limit": limit}
        run = Run(place, described)
        kept = len(run.rows)
        try:
            with progress("Loading …", below=lambda: _so_far(run.rows)) as report:
                asker = Asker(load_model(settings, report), ours, SentenceEmbedder())
                for row in evaluate(cases, asker, done=run.done, progress=report, cancel=cancel):
                    run.add(row)
        finally:
            run.close()
        if kept:
            stderr.print(f"{kept} results were already in {place}.", highlight=False)
        _finish(run.rows, described, place, cancelled=cancel.is_set())


def _so_far(rows: Sequence[Row]) -> Any:
    from rich.table import Table

    from bethink.agents.evaluation.summary import so_far
    from bethink.agents.evaluation.tool_calls import MEANING

    table = Table(box=None, show_header=False)
    for (_, name), (share, count) in so_far(rows).items():
        table.add_row(MEANING.get(name, name), f"{100 * share:.1f} %", f"{count:,}")
    return table


def _finish(rows: Sequence[Row], described: dict[str, Any], place: Path, *, cancelled: bool) -> None:
    import json

    from bethink.agents.evaluation.tool_calls import figures

    found = {"settings": described, **figures(rows), "run": str(place), "cancelled": cancelled}
    if rows:
        text = json.dumps(found, indent=1, ensure_ascii=False)
        place.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    emit(found, lambda: _tables(rows, described))
    if cancelled:
        stderr.print("Cancelled. What was done is kept; the same command goes on from there.")
        raise typer.Exit(130)


def _tables(rows: Sequence[Row], described: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from bethink.agents.evaluation.summary import ALL
    from bethink.agents.evaluation.tool_calls import COSTS, MEANING, by_tag, by_tool, costs_of, mistakes

    console, tools_ = Console(), by_tool(rows)
    names = [name for name in MEANING if name in tools_.get(ALL, {})]
    title = f"{', '.join(described['data'])}: {described['model']}"
    table = Table("", "%", "95 %", "of", title=title, title_justify="left")
    for name in names:
        one = tools_[ALL][name]
        table.add_row(
            MEANING[name], f"{100 * one.mean:.1f}", f"{100 * one.low:.1f}–{100 * one.high:.1f}", f"{one.count:,}"
        )
    console.print(table)
    for head, found in (("By tool", tools_), ("By tag", by_tag(rows))):
        table = Table(head, "tool, %", "arguments, %", "all right, %", "of")
        for kind, each in sorted(found.items()):
            if kind != ALL:
                shares = [_share(each, name) for name in ("tool", "arguments", "right")]
                table.add_row(kind, *shares, f"{each['right'].count:,}")
        if table.row_count:
            console.print(table)
    table = Table("Arguments of the right tool", "times")
    for name, count in list(mistakes(rows).items())[:10]:
        table.add_row(name, f"{count:,}")
    if table.row_count:
        console.print(table)
    table = Table("Costs", "")
    for name, value in costs_of(rows).items():
        table.add_row(COSTS[name], f"{value:,.6g}")
    console.print(table)


def _share(scores: dict[str, Any], name: str) -> str:
    return f"{100 * scores[name].mean:.1f}" if name in scores else ""
