"""Bar 7: scripted requests with good and bad files, in the chat and over ``bethink tools call``.

Each is sent to the agent of the chat, with the default model, as the command that the chat's buttons write, and run
again as a process of its own from the command line. Both must give the plan, or the refusal, that it must come to; and
every number of a summary must stand in the output's other fields. Sentences in plain words must reach the right tool.

``BETHINK_BUDGET_DATA`` names the folder of real campaigns: Hillstrom's, where three users in ten get a mail, is a
request then, too, and the tool itself must say that its gain over random users is not significant.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bethink.app.build import open_agent
from bethink.app.settings import load_settings
from bethink.tools import all_tools
from tests.benchmarks.report import Bar, bar, show
from tests.tools.budget.requests import REQUESTS, Request, as_command, wrong_with

SENTENCES = (
    ("Plan a coupon budget of 5000 euros for my customers.", "allocate_budget"),
    ("Who should get a voucher? I can spend 20000.", "allocate_budget"),
    ("Allocate my marketing budget and make sure it is not exceeded.", "allocate_budget"),
    ("What would a larger coupon budget bring?", "budget_curve"),
    ("How much budget do I need to reach 30000 active users?", "budget_curve"),
    ("What if every customer got a 5 euro coupon?", "evaluate_policy"),
    ("Would a coupon of 10 only for loyal customers be any good?", "evaluate_policy"),
)
CUSTOMERS, SHARE = 64_000, 0.3
USER = "me"


def hillstrom(folder: Path) -> Request:
    """Three in ten of Hillstrom's customers get one of two mails, each of which costs 1."""

    def write(path: Path) -> None:
        import gzip

        with gzip.open(folder / "hillstrom.csv.gz") as packed, path.open("wb") as plain:
            shutil.copyfileobj(packed, plain)

    arguments = {"budget": SHARE * CUSTOMERS, "arm_costs": {"Mens E-Mail": 1, "Womens E-Mail": 1}}
    return Request("Hillstrom at 30 %", write=write, file="hillstrom.csv", arguments=arguments, warns=("no_gain_over",))


def in_chat(agent: Any, text: str) -> tuple[str, dict[str, Any] | None, dict[str, str] | None]:
    """The tool that ran first, and its output or error, as the chat shows them."""
    thread = agent.threads.create(USER).id
    name, result = "", {}
    for event in agent.stream(text, user_id=USER, thread_id=thread, memory=False):
        if event.kind == "ToolStart" and not name:
            name = event.name
        if event.kind == "ToolEnd":
            result = event.result
    error = result.get("error")
    return name, None if error or not result else result, error


def from_the_command_line(
    request: Request, arguments: dict[str, Any], uploads: Path, out: Path
) -> tuple[dict[str, Any] | None, dict[str, str] | None]:
    """The same of a process of its own; errors have no code there."""
    command = [
        str(Path(sys.executable).with_name("bethink")),
        "tools",
        "call",
        request.tool,
        json.dumps(arguments),
        "--json",
    ]
    command += ["--uploads", str(uploads), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode == 0:
        return json.loads(done.stdout), None
    data = json.loads(done.stdout or "{}").get("error") or {"message": done.stderr, "hint": ""}
    return None, {"code": request.refused or "", "message": data["message"], "hint": data.get("hint", "")}


def run() -> tuple[list[Bar], dict[str, Any]]:
    """All of it, some six minutes."""
    named = os.environ.get("BETHINK_BUDGET_DATA")
    requests = [*REQUESTS, *([hillstrom(Path(named))] if named else [])]
    rows, found, says_so = [], [], None
    with tempfile.TemporaryDirectory() as folder:
        agent = open_agent(load_settings(data=Path(folder)))
        try:
            uploads = agent.folder_of(USER)
            uploads.mkdir(parents=True)
            for request in requests:
                print(f"  {request.name}", file=sys.stderr)
                arguments = request.prepare(uploads)
                started = time.perf_counter()
                name, output, error = in_chat(agent, as_command(request, arguments))
                middle = time.perf_counter()
                chat = wrong_with(request, output, error) if name == request.tool else f"ran {name or 'no tool'}"
                line = wrong_with(request, *from_the_command_line(request, arguments, uploads, Path(folder) / "out"))
                seconds = (middle - started, time.perf_counter() - middle)
                rows.append((request.name, chat or "ok", line or "ok", *seconds))
                found.append({"request": request.name, "chat": chat, "command_line": line, "seconds": seconds})
                if output is not None and request.name.startswith("Hillstrom"):
                    random = next(each for each in output["baselines"] if each["name"] == "random users")
                    says_so = float(not random["significant"] and "no detectable gain over random" in output["summary"])
                    found[-1] |= {"random": random, "summary": output["summary"]}
            right = [in_chat(agent, sentence)[0] == tool for sentence, tool in SENTENCES]
        finally:
            agent.close()
    show("Requests", ("request", "in the chat", "command line", "s", "s"), rows)
    figures = {
        "requests": found,
        "plain_words": dict(zip((sentence for sentence, _ in SENTENCES), right, strict=True)),
        "tools": [tool.name for tool in all_tools()],
    }
    wrong_chat, wrong_line = (sum(bool(each[key]) for each in found) for key in ("chat", "command_line"))
    slowest = max(each["seconds"][0] for each in found)
    return [
        bar("requests: how many", float(len(found)), ">=", 20),
        bar("requests: wrong in the chat", float(wrong_chat), "<=", 0),
        bar("requests: wrong over tools call", float(wrong_line), "<=", 0),
        bar("requests: slowest, seconds", slowest, "<=", 60),
        bar("requests: Hillstrom, the tool says that its gain is not significant", says_so, ">=", 1),
    ], figures


if __name__ == "__main__":
    run()
