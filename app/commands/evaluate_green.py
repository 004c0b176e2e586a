"""``bethink eval green``: right answers per joule, by model, number format and way to remember."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bethink.app.commands.evaluate import load_model, said_plainly, stoppable
from bethink.app.commands.evaluate_tools import app
from bethink.app.output import JSON_FLAG, emit, progress, stderr

if TYPE_CHECKING:
    from bethink.agents.evaluation.runs import Row


@app.command()
def green(
    backbone: Annotated[list[str] | None, typer.Option(help="A model; may be given several times.")] = None,
    precision: Annotated[
        list[str] | None, typer.Option(help="auto, int8, fused8, int4, bf16 or fp32; may be given several times.")
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(help="recalled, whole-chat, read-anew or no-memory; may be given several times. Default: all."),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Your own tasks, a line each: told, question, answer.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many tasks, evenly spaced.")] = None,
    out: Annotated[Path, typer.Option(help="The run's file; an unfinished run goes on.")] = Path("eval-green.jsonl"),
    json_: bool = JSON_FLAG,
) -> None:
    """Ask the same questions with every model, number format and policy. Ctrl-C keeps what was done.

    Beside the run's file stand a summary (.json) and a picture of quality over joules (.png).
    """
    from bethink.agents.evaluation.conversations import EvaluationError
    from bethink.agents.evaluation.green import POLICIES, Setup, evaluate, load_tasks
    from bethink.agents.evaluation.runs import Run
    from bethink.agents.evaluation.tool_calls import evenly
    from bethink.app.build import set_meter
    from bethink.app.settings import load_settings
    from bethink.models.embedder import SentenceEmbedder

    settings = load_settings()
    set_meter(settings)
    with said_plainly(EvaluationError), stoppable() as cancel:
        models, formats, policies = backbone or [settings.model], precision or [settings.precision], policy or POLICIES
        setups = list(dict.fromkeys(Setup(m, f, p) for m in models for f in formats for p in policies))
        tasks = evenly(load_tasks(data), limit)
        described = {
            "backbones": models, "precisions": formats, "policies": [*policies], "limit": limit,
            "data": data.name if data is not None else "green",
        }  # fmt: skip
        run = Run(out, described)
        kept = len(run.rows)
        try:
            with progress("Loading …") as report:

                def load(model: str, number_format: str) -> Any:
                    return load_model(load_settings(model=model, precision=number_format), report)

                embedder = SentenceEmbedder()
                for row in evaluate(tasks, setups, load, embedder, done=run.done, progress=report, cancel=cancel):
                    run.add(row)
        finally:
            run.close()
        if kept:
            stderr.print(f"{kept} results were already in {out}.", highlight=False)
        _finish(run.rows, described, out, cancelled=cancel.is_set())


def _finish(rows: Sequence[Row], described: dict[str, Any], place: Path, *, cancelled: bool) -> None:
    import json

    from bethink.agents.evaluation.green import draw_front, figures

    found: dict[str, Any] = {"settings": described, "setups": figures(rows), "run": str(place), "cancelled": cancelled}
    if rows:
        picture = place.with_suffix(".png")
        picture.write_bytes(draw_front(found["setups"]))
        found["picture"] = str(picture)
        text = json.dumps(found, indent=1, ensure_ascii=False)
        place.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    emit(found, lambda: _table(found))
    if cancelled:
        stderr.print("Cancelled. What was done is kept; the same command goes on from there.")
        raise typer.Exit(130)


def _table(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    kinds = ", ".join(sorted({each["error_class"] for each in found["setups"]}))
    table = Table("", "right, %", "95 %", "J an answer", "right per J", "prompt tokens", caption="* on the front")
    for each in found["setups"]:
        right, per = each["right"], each["right_per_joule"]
        table.add_row(
            ("* " if each["on_the_front"] else "  ") + each["setup"],
            f"{100 * right['mean']:.0f}",
            f"{100 * right['low']:.0f}–{100 * right['high']:.0f}",
            f"{each['joules_per_answer']:.2g}",
            "-" if per is None else f"{per:.2g}",
            f"{each['tokens_in_per_answer']:.0f}",
        )
    console = Console()
    console.print(table)
    if "picture" in found:
        console.print(f"Joules are {kinds}. Picture: {found['picture']}", highlight=False)
