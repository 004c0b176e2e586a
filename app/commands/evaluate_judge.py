"""``bethink eval judge`` and ``bethink eval labels``: are the answers of a run right, by a model or by people?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bethink.app.commands.evaluate import app, load_model, said_plainly, stoppable
from bethink.app.output import JSON_FLAG, emit, progress, stderr


@app.command()
def judge(
    run: Annotated[Path, typer.Argument(help="The file of a run with answers.")],
    backbone: Annotated[str | None, typer.Option(help="The model that judges.")] = None,
    lenient: Annotated[bool, typer.Option("--lenient", help="Also what says more or less counts.")] = False,
    out: Annotated[Path | None, typer.Option(help="The verdicts; an unfinished judgement goes on.")] = None,
    json_: bool = JSON_FLAG,
) -> None:
    """Let a model judge answers. It is tried first; if it errs on over 15 % of wrong or right ones, it is refused."""
    from bethink.agents.evaluation.conversations import EvaluationError
    from bethink.agents.evaluation.judge import MOST_WRONG, Strictness, accepted, trusted, verdict_of
    from bethink.agents.evaluation.judge import judge as judged
    from bethink.agents.evaluation.runs import Run
    from bethink.agents.evaluation.summary import ALL, scores
    from bethink.app.settings import load_settings

    settings = load_settings(model=backbone)
    how: Strictness = "lenient" if lenient else "strict"
    place = out or run.with_suffix(f".judge-{how}.jsonl")
    with said_plainly(EvaluationError), stoppable() as cancel:
        answers = Run(run)
        if settings.model == "none":
            raise EvaluationError("Name the model that is to judge with --backbone.")
        file = Run(place, {**answers.settings, "judge": settings.model, "prompt": how})
        try:
            with progress("Loading …") as report:
                verdict = verdict_of(load_model(settings, report))
                for row in judged(
                    answers.rows, verdict, how, done=file.done, kept=file.rows, progress=report, cancel=cancel
                ):
                    file.add(row)
        finally:
            file.close()
    shares = accepted(file.rows)
    refused = not cancel.is_set() and not trusted(file.rows)
    found = {} if refused else {kind: each["correct"] for kind, each in scores(file.rows).get("judge", {}).items()}
    figures = {
        "judge": settings.model, "prompt": how, "accepted_on_trial": shares, "refused": refused,
        "correct": {kind: one.as_dict() for kind, one in found.items()}, "verdicts": str(place),
        "cancelled": cancel.is_set(),
    }  # fmt: skip

    def show() -> None:
        print(f"Answers on trial that {settings.model} took for right ({how} prompt):")
        for sort, share in shares.items():
            print(f"  {sort}: {share:.0%}")
        for kind, one in found.items():
            name = "all" if kind == ALL else kind
            print(f"Correct, {name}: {one.mean:.1%} ({one.low:.1%} to {one.high:.1%}) of {one.count}")

    emit(figures, show)
    if refused:
        stderr.print(
            f"This judge errs on over {MOST_WRONG:.0%} of answers known to be wrong or right: it is not reported. "
            "Name a stronger model with --backbone, or let people judge: bethink eval labels.",
            highlight=False,
        )
        raise typer.Exit(1)
    if cancel.is_set():
        stderr.print("Cancelled. What was done is kept; the same command goes on from there.")
        raise typer.Exit(130)


@app.command()
def labels(
    run: Annotated[Path, typer.Argument(help="The file of a run with answers.")],
    sheet: Annotated[Path | None, typer.Option(help="The CSV. Default: beside the run.")] = None,
    json_: bool = JSON_FLAG,
) -> None:
    """Write a sheet for people to judge answers in; once it is filled, the same command reads it."""
    from bethink.agents.evaluation.conversations import EvaluationError
    from bethink.agents.evaluation.labels import SCALES, label_sheet, read_labels
    from bethink.agents.evaluation.runs import Run
    from bethink.agents.evaluation.summary import ALL, scores

    with said_plainly(EvaluationError):
        answers = Run(run)
        place = sheet or run.with_suffix(".labels.csv")
        new = not place.exists()
        if new:
            place.write_text(label_sheet(answers.rows), encoding="utf-8")
        rows = read_labels(place, answers.rows)
    found = scores(rows).get("labels", {}).get(ALL, {})
    figures = {"sheet": str(place), "judged": len(rows), **{name: one.as_dict() for name, one in found.items()}}

    def show() -> None:
        if new:
            print(
                f"Written: {place}. Fill in {', '.join(f'{n} ({_steps(s)})' for n, s in SCALES.items())}; then again:"
            )
            print(f"  bethink eval labels {run} --sheet {place}")
        for name, one in found.items():
            print(f"{name}: {one.mean:.3f} ({one.low:.3f} to {one.high:.3f}) of {one.count}")
        if not new and not rows:
            print(f"Nothing is judged in {place} yet.")

    emit(figures, show)


def _steps(steps: tuple[float, ...]) -> str:
    return ", ".join(f"{step:g}" for step in steps)
