"""``bethink tools``: list the tools and call one."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from bethink.app.output import JSON_FLAG, emit, fail, progress

app = typer.Typer(help="List the decision tools and call them.", no_args_is_help=True)


@app.command("list")
def list_tools(json_: bool = JSON_FLAG) -> None:
    """The tools, with their arguments."""
    from rich.console import Console
    from rich.table import Table

    from bethink.tools import all_tools

    tools = all_tools()
    data = [{"name": t.name, "description": t.description, "input": t.input_schema()} for t in tools]

    def show() -> None:
        console = Console()
        for tool in tools:
            table = Table(
                "argument",
                "type",
                "default",
                "meaning",
                title=f"{tool.name}: {tool.description}",
                title_justify="left",
            )
            for name, schema in tool.input_schema()["properties"].items():
                kind = " | ".join(map(str, schema["enum"])) if "enum" in schema else str(schema.get("type", ""))
                table.add_row(name, kind, str(schema.get("default", "")), schema.get("description", ""))
            console.print(table)

    emit({"tools": data}, show)


@app.command("call")
def call(
    name: Annotated[str, typer.Argument(help="The tool's name.")],
    arguments: Annotated[str, typer.Argument(help="Its arguments as a JSON object.")] = "{}",
    out: Annotated[Path, typer.Option(help="Where plots and files are written.")] = Path("bethink-plots"),
    uploads: Annotated[Path, typer.Option(help="The folder of files that arguments name.")] = Path(),
    json_: bool = JSON_FLAG,
) -> None:
    """Call a tool with JSON arguments."""
    from bethink.tools import ToolContext, all_tools, call_tool, find_tool

    tool = find_tool(all_tools(), name)
    try:
        parsed: Any = json.loads(arguments)
    except ValueError as problem:
        fail(f"The arguments are not JSON: {problem}.", f"Example: bethink tools call {name} '{{}}'", code=2)
    if not isinstance(parsed, dict):
        fail("The arguments must be a JSON object, such as '{}'.", code=2)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        fail(f"Plots cannot be written to {out} ({problem.strerror}).", "Choose a folder with --out.")
    with progress(name) as report:
        result = call_tool(tool, parsed, ToolContext(folder=out, progress=report, uploads=uploads))
    if result.error is not None:
        with suppress(OSError):
            out.rmdir()  # only when it is empty
        fail(result.error["message"], result.error["hint"])
    output = result.output or {}

    def show() -> None:
        print(output["summary"])
        for plot in output["plots"]:
            print(f"plot: {plot['path']}")
        for file in output["files"]:
            print(f"file: {file['path']}")

    emit(output, show)
