"""``bethink adapter``: what adapters there are, what is in one, and its export to what other programs load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bethink.app.commands.evaluate import said_plainly
from bethink.app.output import JSON_FLAG, emit, fail, progress

app = typer.Typer(help="List, look at and export adapters.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A name that 'bethink adapter list' shows, or a folder.")]
Data = Annotated[Path | None, typer.Option(help="The data folder.")]


def _place(data: Path | None) -> Path:
    from bethink.app.settings import load_settings

    return load_settings(data=data).data / "adapters"


def _folder(name: str, data: Path | None) -> Path:
    folder = next(
        (each for each in (_place(data) / name, Path(name)) if (each / "adapter_config.json").is_file()), None
    )
    if folder is None:
        fail(f"There is no adapter {name}.", "bethink adapter list shows what there is; or give a folder.", code=2)
    return folder


@app.command("list")
def list_(data: Data = None, json_: bool = JSON_FLAG) -> None:
    """The adapters in the data folder."""
    from bethink.models.adapter_folder import AdapterError, list_adapters

    with said_plainly(AdapterError):
        found = list_adapters(_place(data))
    emit(found, lambda: _listed(found))


@app.command()
def show(name: Name, data: Data = None, json_: bool = JSON_FLAG) -> None:
    """Rank, parameters, tasks, what the training cost, and the shape of the updates."""
    from bethink.models.adapter_folder import AdapterError, adapter_report

    with said_plainly(AdapterError):
        found = adapter_report(_folder(name, data))
    emit(found, lambda: _shown(found))


@app.command()
def export(
    name: Name,
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    as_: Annotated[
        str, typer.Option("--as", help="lora: for any server that loads LoRA; merged: a whole model.")
    ] = "lora",
    rank: Annotated[int | None, typer.Option(min=1, help="A smaller rank (lora only); the error is told.")] = None,
    base: Annotated[str | None, typer.Option(help="The model it was trained on. Default: what its card says.")] = None,
    data: Data = None,
    json_: bool = JSON_FLAG,
) -> None:
    """Write an adapter as plain LoRA (exact: a MultiLoRA is a LoRA of rank n r), or merged into its model."""
    from bethink.models.adapter_folder import AdapterError
    from bethink.models.training.export import export_adapter

    if as_ not in ("lora", "merged"):
        fail(f"--as must be lora or merged, not {as_}.", code=2)
    if rank is not None and as_ == "merged":
        fail("--rank is for --as lora; merging loses nothing.", code=2)
    folder = _folder(name, data)
    with said_plainly(AdapterError, ValueError), progress("Loading …") as report:
        found = export_adapter(folder, out, kind=as_, rank=rank, base=base, report=report)
    emit(found, lambda: _exported(found))


def _listed(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not rows:
        Console().print("There are no adapters yet. bethink train adapter SETTINGS.toml makes one.")
        return
    table = Table("name", "kind", "base", "tasks", "created", "MB", box=None)
    for row in rows:
        size = f"{row['bytes'] / 1e6:.1f}"
        table.add_row(row["name"], row["kind"], str(row["base"]), ", ".join(row["tasks"]), str(row["created"]), size)
    Console().print(table)


def _shown(found: dict[str, Any]) -> None:
    from rich.console import Console

    out = Console()
    percent = f" ({found['percent']} % of the base)" if found["percent"] else ""
    out.print(f"{found['adapter']}: {found['kind']}, rank {found['rank']}, on {found['base'] or 'an unknown base'}")
    out.print(f"{found['modules']} modules, {found['added_parameters']:,} parameters{percent}")
    if found["spectrum"]:
        shape = found["spectrum"]
        out.print(f"Updates: effective rank {shape['effective_rank']}, greatest value's share {shape['top1_share']}")
    for task in found["tasks"]:
        right = f"{task['value']} % of {task['n']} right" if "value" in task else "not measured"
        out.print(f"  {task['task']}: {right}")


def _exported(found: dict[str, Any]) -> None:
    print(f"Written: {found['path']}")
    if found["kind"] == "lora":
        print(
            f"Plain LoRA of rank {found['rank']}; updates moved by {found['error']:.3g} of {found['norm']:.3g} (norms)."
        )
    print(f"Greatest difference of the logits on a probe: {found['max_abs_difference']:.2g}")
