"""``bethink train``: adapters of the backbone, trained on examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bethink.app.commands.evaluate import said_plainly, stoppable
from bethink.app.output import JSON_FLAG, emit, progress, stderr

app = typer.Typer(help="Train adapters.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Train adapters."""


@app.command()
def adapter(
    settings_file: Annotated[Path, typer.Argument(metavar="SETTINGS", help="A TOML file; see docs/multilora.md.")],
    out: Annotated[
        Path | None, typer.Option(help="The adapter's folder. Default: in the data folder, named as the file.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="The data folder.")] = None,
    json_: bool = JSON_FLAG,
) -> None:
    """Train an adapter. Ctrl-C keeps what was learnt; the same command goes on from there."""
    from bethink.app.settings import load_settings
    from bethink.models.training.examples import ExampleError
    from bethink.models.training.processes import rank
    from bethink.models.training.run import train_adapter
    from bethink.models.training.settings import SettingsError, read_settings

    with said_plainly(SettingsError, ExampleError, ValueError), stoppable() as cancel:
        chosen = read_settings(settings_file)
        place = out or load_settings(data=data).data / "adapters" / settings_file.stem
        with progress("Loading …") as report:
            done = train_adapter(chosen, place, report=report, stop=cancel.is_set)
    if rank() != 0:
        return
    if not done.finished:
        emit({"finished": False, "folder": str(place), **done.card}, lambda: None)
        stderr.print("Stopped. What was learnt is kept; the same command goes on from there.")
        raise typer.Exit(130)
    emit({"finished": True, "folder": str(place), **done.card}, lambda: _shown(place, done.card))


def _shown(place: Path, card: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("task", "trained on", "right", "of", box=None)
    for task in card["tasks"]:
        right = f"{task['value']} %" if "value" in task else "-"
        table.add_row(task["task"], str(task.get("trained_on", "-")), right, str(task.get("n", "-")))
    cost = card["training"]
    out = Console()
    out.print(table)
    out.print(
        f"{cost['steps']} steps, {cost['tokens']:,} tokens, {cost['wall_s']:,} s, "
        f"{cost['energy_j_estimated']:,} J (estimated from CPU time)."
    )
    out.print(f"The adapter is in {place}; as plain LoRA in {place / 'lora'}.", soft_wrap=True)
