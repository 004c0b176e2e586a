"""The ``bethink`` command. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bethink.app.commands import adapter, evaluate_green, memory_erase, tools, train, users
from bethink.app.output import JSON_FLAG, emit, fail

app = typer.Typer(
    name="bethink",
    help="A local chat agent that thinks after it answers, remembers, and has decision tools in its hands.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(tools.app, name="tools")
app.add_typer(train.app, name="train")
app.add_typer(adapter.app, name="adapter")
app.add_typer(users.app, name="users")
app.add_typer(memory_erase.app, name="memory")  # with those of ``memory`` and ``memory_changes``
app.add_typer(evaluate_green.app, name="eval")  # with those of the other ``evaluate...``

Model = Annotated[
    str | None,
    typer.Option(help="bethink, smollm2, a folder, a .gguf file, hf:ORG/NAME, any +ADAPTER, openai:BASE_URL#MODEL."),
]
Data = Annotated[Path | None, typer.Option(help="The folder for threads, thoughts and plots.")]
User = Annotated[str | None, typer.Option(help="Whose memory and threads.")]


@app.command()
def chat(
    model: Model = None,
    data: Data = None,
    user: User = None,
    port: Annotated[int | None, typer.Option(help="The next free one is taken if it is in use.")] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    mcp: Annotated[bool, typer.Option("--mcp", help="Offer tools and memory to MCP hosts, too, at /mcp.")] = False,
) -> None:
    """Start the web chat on this machine and print its address."""
    from bethink.app.commands.chat import run_chat

    run_chat(model=model, data=data, user=user, port=port, open_browser=open_browser, mcp=mcp)


@app.command()
def serve(
    model: Model = None,
    data: Data = None,
    user: User = None,
    host: Annotated[str | None, typer.Option(help="Where to listen; other than this machine only with users.")] = None,
    port: Annotated[int | None, typer.Option(help="The next free one is taken if it is in use.")] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A name under which it may be asked; give it for each.")
    ] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen elsewhere though nobody has to log in. Do not.")
    ] = False,
) -> None:
    """Serve several users: the page with logins, /mcp with tokens, /v1, /healthz and /metrics."""
    from bethink.app.commands.serve import run_serve

    run_serve(
        model=model,
        data=data,
        user=user,
        host=host,
        port=port,
        allow_hosts=allow_host or (),
        open_browser=open_browser,
        insecure=insecure,
    )


@app.command()
def ask(
    text: Annotated[str, typer.Argument(help="What to ask; '-' reads it from standard input.")],
    model: Model = None,
    data: Data = None,
    user: User = None,
    thread: Annotated[str | None, typer.Option(help="Go on with this thread.")] = None,
    no_memory: Annotated[bool, typer.Option("--no-memory", help="Neither recall nor remember.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Approve every tool call that needs it.")] = False,
    json_: bool = JSON_FLAG,
) -> None:
    """Ask once, in the terminal."""
    from bethink.app.commands.ask import run_ask

    body = sys.stdin.buffer.read().decode("utf-8", "replace") if text == "-" else text
    run_ask(body, model=model, data=data, user=user, thread=thread, memory=not no_memory, approve=yes)


@app.command()
def mcp(
    http: Annotated[bool, typer.Option("--http", help="Serve streamable HTTP at /mcp on this machine.")] = False,
    port: Annotated[int | None, typer.Option(help="With --http; the next free one is taken if it is in use.")] = None,
    user: User = None,
    data: Data = None,
    uploads: Annotated[Path | None, typer.Option(help="The folder of files that arguments may name.")] = None,
    images: Annotated[bool, typer.Option("--images", help="Send plots with the results, as pictures.")] = False,
    no_memory: Annotated[bool, typer.Option("--no-memory", help="Offer the tools only.")] = False,
) -> None:
    """Offer the tools and one user's memory to MCP hosts; on standard input and output unless --http is given."""
    from bethink.app.commands.mcp import run_mcp

    run_mcp(http=http, port=port, user=user, data=data, uploads=uploads, memory=not no_memory, images=images)


@app.command()
def doctor(data: Data = None, model: Model = None, json_: bool = JSON_FLAG) -> None:
    """Check this installation and say how to mend what is amiss."""
    from bethink.app.commands.doctor import run_doctor

    run_doctor(data=data, model=model)


@app.command()
def version(json_: bool = JSON_FLAG) -> None:
    """Print the version."""
    from importlib.metadata import version as installed

    number = installed("bethink")
    emit({"version": number}, lambda: print(f"bethink {number}"))


def main() -> None:
    """Entry point: known problems become a sentence and exit code 1, never a traceback."""
    from bethink.app.errors import friendly, quiet_logs

    quiet_logs()
    sys.argv = [part.encode("utf-8", "replace").decode("utf-8") for part in sys.argv]
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        # typer gives back the exit code of typer.Exit here instead of raising it
        code = app(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except Exception as problem:
        sys.exit(friendly(problem, fail))


if __name__ == "__main__":
    main()
