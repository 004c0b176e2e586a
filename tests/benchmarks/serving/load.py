"""Eight users for five minutes: seconds to the first token, errors, growth of the process; what a kill loses."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psutil

from bethink.app.access.users import Users
from tests.benchmarks.report import ROOT, Bar, bar, show

USERS, EACH_S, WARM_S, START_S = 8, 3.3, 60.0, 120.0
"""Users, seconds between two messages of one (20 a minute are allowed), until the process is taken to be warm, and to
wait for it."""


@dataclass
class Asked:
    """What one user asked: what was acknowledged, seconds to the first token, and what went wrong."""

    name: str
    token: str
    said: list[str] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def run() -> tuple[list[Bar], dict[str, Any]]:
    """See the module."""
    lasting = float(os.environ.get("BETHINK_LOAD_S", "300"))
    with tempfile.TemporaryDirectory(prefix="bethink-bench-") as place:
        folder, port = Path(place), _free_port()
        users = Users(folder)
        everybody = []
        for number in range(USERS):
            users.add(f"user{number}", "correct horse battery")
            everybody.append(Asked(f"user{number}", users.new_token(f"user{number}")))
        server = _start(folder, port)
        process = psutil.Process(server.pid)
        end = time.monotonic() + lasting
        threads = [threading.Thread(target=_talk, args=(one, port, end)) for one in everybody]
        for number, thread in enumerate(threads):
            thread.start()
            time.sleep(EACH_S / USERS * (number < USERS - 1))
        sizes: list[tuple[float, float]] = []
        while any(thread.is_alive() for thread in threads):
            sizes.append((lasting - (end - time.monotonic()), process.memory_info().rss / 2**20))
            time.sleep(1)
        for one in everybody:  # more turns, in the middle of which the server dies
            threading.Thread(target=_talk, args=(one, port, time.monotonic() + 60, True), daemon=True).start()
        time.sleep(2.0)
        kept = {one.name: list(one.said) for one in everybody}
        server.send_signal(signal.SIGKILL)
        server.wait()
        server = _start(folder, port)
        _await_thoughts(folder)
        server.terminate()
        server.wait(timeout=60)
        lost = _lost(everybody, kept, folder)
    first = sorted(value for one in everybody for value in one.first)
    errors = [error for one in everybody for error in one.errors]
    warm = [size for at, size in sizes if at >= min(WARM_S, lasting / 3)]
    growth = median(warm[-10:]) / median(warm[:10]) - 1
    figures = {
        "turns": len(first),
        "seconds": lasting,
        "first token, s, median": round(median(first), 3),
        "first token, s, p95": round(first[int(0.95 * (len(first) - 1))], 3),
        "whole turn, s, median": round(median(value for one in everybody for value in one.whole), 3),
        "errors": errors[:5],
        "process when warm, MB": round(median(warm[:10])),
        "process at the end, MB": round(median(warm[-10:])),
        "acknowledged": sum(map(len, kept.values())),
        "lost": lost[:5],
    }
    show(f"{USERS} users for {lasting:g} s", ("", ""), list(figures.items()))
    return [
        bar("errors", len(errors), "<=", 0),
        bar("first token, s, p95", figures["first token, s, p95"], "<=", 1),  # type: ignore[arg-type]
        bar("growth of the process when warm, share", growth, "<=", 0.05),
        bar("acknowledged, and lost by kill -9", len(lost), "<=", 0),
    ], figures


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.benchmarks.serving.server", str(folder), str(port)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz").json().get("state") == "ready":
                return server
        except httpx.HTTPError:
            time.sleep(0.2)
    raise RuntimeError(f"The server did not answer within {START_S:g} s.")


def _talk(one: Asked, port: int, end: float, dying: bool = False) -> None:
    """Ask until the time is over; with ``dying``, errors are expected and the first ends it."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        while time.monotonic() < end:
            begun = time.monotonic()
            text = f"I visited Town{one.name[4:]}x{len(one.said) + len(one.errors)} on 3 May 2024."
            try:
                _ask(one, client, text)
            except (httpx.HTTPError, RuntimeError) as problem:
                if dying:
                    return
                one.errors.append(f"{problem!r}"[:200])
            time.sleep(max(0.0, EACH_S - (time.monotonic() - begun)))


def _ask(one: Asked, client: httpx.Client, text: str) -> None:
    body = {"model": "bethink", "stream": True, "messages": [{"role": "user", "content": text}]}
    begun, first, ended = time.perf_counter(), 0.0, False
    headers = {"Authorization": f"Bearer {one.token}"}
    with client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer:
        if answer.status_code != 200:
            raise RuntimeError(f"{answer.status_code}: {answer.read()[:200]!r}")
        for line in answer.iter_lines():
            if line == "data: [DONE]":
                ended = True
            elif line.startswith("data: {"):
                data = json.loads(line.removeprefix("data: "))
                if "error" in data:
                    raise RuntimeError(str(data["error"]))
                if not first and any(choice["delta"].get("content") for choice in data["choices"]):
                    first = time.perf_counter() - begun
    if not ended or not first:
        raise RuntimeError("The answer broke off.")
    one.said.append(text)
    one.first.append(first)
    one.whole.append(time.perf_counter() - begun)


def _lost(everybody: list[Asked], kept: dict[str, list[str]], folder: Path) -> list[str]:
    """What was acknowledged before the kill and is not in the memory after the second run, whatever holds now."""
    from bethink.memory import ThoughtMemory
    from bethink.models.embedder import SentenceEmbedder

    missing: list[str] = []
    with ThoughtMemory(folder / "memory", SentenceEmbedder()) as memory:
        for one in everybody:
            known = {thought.text for thought in memory.list(user_id=one.name, include_inactive=True, limit=100_000)}
            missing += [text for text in kept[one.name] if text not in known]
    return missing


def _await_thoughts(folder: Path) -> None:
    """Wait until the second run has thought about what the first left."""
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        with closing(sqlite3.connect(f"file:{folder / 'threads.db'}?mode=ro", uri=True)) as threads:
            if not threads.execute("SELECT count(*) FROM jobs").fetchone()[0]:
                return
        time.sleep(0.5)
