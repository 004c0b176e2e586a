"""What is left after forget(hard=True) and delete_user, in every place; the real MiniLM.

A data folder is filled as the application does it: two users chat (the model is a script), exports are written, thoughts
are edited, merged, superseded and forgotten. Then a tenth of one user's thoughts are erased and looked for, then the
user. Before, the same search must find them in every place: else it would prove nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bethink.agents.agent import Agent
from bethink.app.build import open_memory
from bethink.app.erasure import delete_user
from bethink.app.settings import Settings
from bethink.memory import ThoughtMemory
from bethink.memory.erasure import Trace, erased, file_traces, memory_traces
from bethink.memory.journal import Journal
from bethink.memory.store import user_key
from bethink.memory.vacuum import vacuum
from bethink.tools import all_tools
from tests.agents.fakes import FakeChat
from tests.benchmarks.memory_safety.stores import KINDS, Stores, stores
from tests.benchmarks.report import Bar, bar, show

TOWNS = ("Quetzaltenango", "Ouagadougou", "Antananarivo", "Reykjavik", "Tegucigalpa", "Novosibirsk", "Thessaloniki")
THINGS = ("pistachios", "accordions", "trilobites", "zeppelins", "marionettes", "sarsaparilla", "kaleidoscopes")
TURNS, FILLER, COST_AT = 60, 1500, (1000, 10_000)
"""Above a thousand, Chroma keeps vectors in an index file, and no longer in its log alone."""
CONTROL = {"search", "list", "export", "store", "index", "word index", "journal"}


def sentence(number: int, user: str) -> str:
    """Something that only this turn of this user says."""
    name = f"{user.title()}friend{number:03}"
    return f"My colleague {name} lives in {TOWNS[number % 7]}{number} and likes {THINGS[number % 5]}{number}."


def fill(settings: Settings) -> None:
    """Chats of two users through the agent, with post-thinking, and an export of each for the browser."""
    memory = open_memory(settings)
    agent = Agent(FakeChat(script=["Noted."] * 4 * TURNS, seen=[]), memory, memory.embedder, all_tools(), settings.data)
    try:
        for user in ("ana", "bob"):
            thread = agent.threads.create(user)
            for number in range(TURNS):
                for _ in agent.stream(sentence(number, user), user_id=user, thread_id=thread.id):
                    pass
            thoughts = memory.list(user_id=user)
            if user == "ana":
                line = next(iter(memory.export(user_id=user)))
                known = json.loads(line)
                more = [
                    {**known, "id": f"a{i:022x}", "text": f"The {i}. note is about Anatopic{i}.", "object": None}
                    for i in range(FILLER)
                ]
                memory.import_([json.dumps(one) for one in more], user_id=user)
            memory.update(thoughts[0].id, f"{thoughts[0].text} Edited{user}.", user_id=user)
            memory.forget(user_id=user, ids=[thoughts[1].id])
            memory.undo(str(memory.forget(user_id=user, ids=[thoughts[2].id]).undo_token), user_id=user)
            memory.merge(user_id=user)
            export = settings.data / "web-cache" / f"export-{user}"
            export.mkdir(parents=True)
            (export / "thoughts.jsonl").write_text("\n".join(memory.export(user_id=user)), encoding="utf-8")
    finally:
        agent.close()


def look(settings: Settings, place: Stores, texts: Sequence[str], vectors: np.ndarray, user: str) -> list[Trace]:
    """All traces: of a memory that is opened anew, and of all files, the server's after it was cleaned."""
    with open_memory(settings) as memory:
        gone = erased(memory, texts, user_id=user, vectors=vectors)
        found = memory_traces(memory, gone, user_id=user)
    found += file_traces(settings.data, gone)
    if place.server is not None:
        vacuum(place.server)
        found += file_traces(place.server, gone, named=lambda name: f"server's file {name}")
    return found


def forgotten(settings: Settings, place: Stores) -> dict[str, Any]:
    """Every tenth thought of ana is erased, with the chats that say it; what was found before and after."""
    with open_memory(settings) as memory:
        chosen = memory.list(user_id="ana", include_inactive=True)[::10]
        texts, vectors = [one.text for one in chosen], memory._keeper.embed(chosen)[0]
        gone = erased(memory, texts, user_id="ana", vectors=vectors)
        before = memory_traces(memory, gone, user_id="ana") + file_traces(settings.data, gone)
    start = time.perf_counter()
    with open_memory(settings) as memory:
        told = [one for one in memory._keeper.journal.told(user_key("ana")) if any(t in one.text for t in texts)]
        memory.forget(user_id="ana", ids=[one.id for one in told], hard=True)
        spent = time.perf_counter() - start
    for file in (settings.data / "web-cache").rglob("thoughts.jsonl"):
        file.unlink()  # as each start of the chat does
    left = look(settings, place, texts, vectors, "ana")
    kinds = {trace.place.split("/")[-1] for trace in before if trace.form == "vector"}
    chats = [trace for trace in left if trace.place.startswith("file threads.db")]
    others = [trace for trace in left if trace not in chats]
    fresh = subprocess.run(
        [sys.executable, "-m", "bethink.app.cli", "memory", "list", "--all", "--user", "ana", "--json"],
        env=environment(settings), capture_output=True, text=True, check=True,
    )  # fmt: skip
    again = sum(fresh.stdout.count(json.dumps(text)[1:-1]) for text in texts)
    places = {trace.place.split(" ")[0] if trace.place.startswith("file") else trace.place for trace in before}
    return {
        "erased": len(told), "seconds": spent, "places_before": sorted({trace.place for trace in before}),
        "controls_found": len(places & CONTROL), "left": [trace.as_dict() for trace in others],
        "vectors_before_in": sorted(kinds), "in_a_fresh_process": again, "told_of_chats": len(chats),
    }  # fmt: skip


def deleted(settings: Settings, place: Stores) -> dict[str, Any]:
    """bethink memory delete-user --threads, and a look by another process."""
    with open_memory(settings) as memory:
        kept, vectors = memory._keeper.store.load(user_key("ana"))
        texts = list(dict.fromkeys(one.text for one in (*kept, *memory._keeper.journal.told(user_key("ana")))))
    start = time.perf_counter()
    done = delete_user(settings, threads=True, server_folder=None)
    spent = time.perf_counter() - start
    left = look(settings, place, [*texts, *(sentence(number, "ana") for number in range(TURNS))], vectors, "ana")
    fresh = subprocess.run(
        [sys.executable, "-m", "bethink.app.cli", "memory", "verify-erased", *texts[:20], "--user", "ana", "--json"],
        env=environment(settings), capture_output=True, text=True, check=False,
    )  # fmt: skip
    with open_memory(settings) as memory:
        others = len(memory.list(user_id="bob", include_inactive=True))
    return {
        "erased": done.thoughts, "threads": done.threads, "seconds": spent, "left": [trace.as_dict() for trace in left],
        "own_verdict": [trace.as_dict() for trace in done.verified.traces], "exit_code_of_a_fresh_process":
        fresh.returncode, "thoughts_of_the_other_user": others,
    }  # fmt: skip


def environment(settings: Settings) -> dict[str, str]:
    """For a process of its own on the same data."""
    more = {"BETHINK_DATA": str(settings.data), "BETHINK_MEMORY_SERVER": settings.memory_server}
    return {**os.environ, **more}


def cost(count: int) -> dict[str, float]:
    """Seconds of one hard deletion among so many thoughts, and of its parts (a fake embedder, 384 numbers)."""

    class Directions:
        name, dim = "fake-directions", 384

        def embed(self, texts: Sequence[str]) -> np.ndarray:
            rows = np.random.default_rng(len(texts)).standard_normal((len(texts), self.dim)).astype(np.float32)
            return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def timed(call: Callable[[], object]) -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    with TemporaryDirectory(prefix="bethink-cost-") as name:
        with ThoughtMemory(name, Directions()) as memory:
            seed = memory.insert("seed", user_id="seed")
            line = next(iter(memory.export(user_id="seed")))
            text = "The {} of many sentences that are about as long as a thought is in most memories."
            lines = [
                line.replace(seed.id, f"a{i:022x}").replace('"seed"', json.dumps(text.format(i)), 1)
                for i in range(count)
            ]
            put = timed(lambda: memory.import_(lines, user_id="ana"))
            whole = timed(lambda: memory.forget(user_id="ana", ids=[f"a{7:022x}"], hard=True))
            store = memory._keeper.store
            parts = {
                "rewriting": timed(lambda: store.remove(user_key("ana"), [f"a{8:022x}"])),
                "vacuum": timed(store.scrub),
                "journal": timed(lambda: memory._keeper.journal.erase(user_key("ana"), [f"a{9:022x}"])),
            }
        size = sum(file.stat().st_size for file in Path(name).rglob("*") if file.is_file())
        journal = Journal(Path(name) / "journal.sqlite")
        entries = len(journal.ids(user_key("ana")))
        journal.close()
    return {"thoughts": count, "import": put, "forget_hard": whole, **parts, "bytes": size, "journal_ids": entries}


def run() -> tuple[list[Bar], dict[str, Any]]:
    """Both deletions on both stores, then what one deletion costs in the folder's own store."""
    bars: list[Bar] = []
    figures: dict[str, Any] = {}
    for kind in KINDS:
        with stores(kind) as place:
            print(f"  erasure, {kind}", file=sys.stderr)
            settings = Settings(data=place.folder, memory_server=place.url or "", user="ana")
            fill(settings)
            figures[kind] = {"forget_hard": forgotten(settings, place), "delete_user": deleted(settings, place)}
        forget, delete = figures[kind]["forget_hard"], figures[kind]["delete_user"]
        bars += [
            bar(f"erasure.{kind}.controls_found", forget["controls_found"], ">=", len(CONTROL)),
            *(
                [
                    bar(
                        "erasure.embedded.vector_found_in_index_file",
                        float("data_level0.bin" in forget["vectors_before_in"]),
                        ">=",
                        1,
                    )
                ]
                if kind == "embedded"
                else []
            ),
            bar(f"erasure.{kind}.forget_hard.left", len(forget["left"]) + forget["in_a_fresh_process"], "<=", 0),
            bar(f"erasure.{kind}.delete_user.left", len(delete["left"]) + len(delete["own_verdict"]), "<=", 0),
            bar(f"erasure.{kind}.delete_user.exit_code", delete["exit_code_of_a_fresh_process"], "<=", 0),
        ]
    figures["cost"] = [cost(count) for count in COST_AT]
    bars.append(bar("erasure.cost.forget_hard_s_at_10000", figures["cost"][-1]["forget_hard"], "<=", 10))
    columns = ("thoughts", "forget_hard", "rewriting", "vacuum", "journal")
    show("Seconds of one hard deletion", columns, [tuple(row[name] for name in columns) for row in figures["cost"]])
    return bars, figures
