from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fake_embedder import WordHashEmbedder

from bethink.memory import ThoughtMemory
from bethink.memory.erasure import distinctive, erased, file_traces, known_words, memory_traces
from bethink.memory.store import user_key
from bethink.memory.vacuum import vacuum

SAID = "My sister Ximenia lives in Quetzaltenango and is allergic to pistachios."
MORE = "I like tea. I like jazz. My brother Tom plays the cello. I work as a nurse."


def traces(place, gone, embedder, user="ana"):
    """All traces: of a memory opened anew, of its folder's bytes, and of the server's."""
    with place.open(embedder) as memory:
        found = memory_traces(memory, gone, user_id=user)
    found += file_traces(place.folder, gone)
    if place.url is not None:
        vacuum(place.files)
        found += file_traces(place.files, gone, named=lambda name: f"server {name}")
    return found


def filled(memory, extra=0):
    memory.add(SAID, user_id="ana", turn_id="t1", timestamp="2024-05-01")
    memory.add(MORE, user_id="ana", turn_id="t2")
    memory.add("I like tea. I live in Rome.", user_id="bob", turn_id="t1")
    for number in range(extra):
        memory.insert(f"Filler {number} of many.", user_id="ana", turn_id=f"f{number}")


@pytest.mark.parametrize("way", ["ids", "query", "after soft", "after edit", "after merge", "after undo"])
def test_after_a_hard_deletion_nothing_is_left(place, embedder, way):
    with place.open(embedder) as memory:
        filled(memory)
        chosen = memory.list(user_id="ana", query="Ximenia") + memory.list(user_id="ana", query="jazz")
        texts, ids = [one.text for one in chosen], [one.id for one in chosen]
        if way == "after soft":
            memory.forget(user_id="ana", ids=ids)
        elif way == "after undo":
            memory.undo(memory.forget(user_id="ana", ids=ids).undo_token, user_id="ana")
        elif way == "after edit":
            memory.update(ids[0], "My sister Zephyrine lives in Yaoundeville.", user_id="ana")
            texts.append("My sister Zephyrine lives in Yaoundeville.")
        elif way == "after merge":
            (merged,) = memory.merge(user_id="ana")
            texts, ids = [*texts, merged.text], [*ids, merged.id]
        vectors = memory._keeper.embed(chosen)[0]
        if way == "query":
            memory.forget(user_id="ana", query="Ximenia", hard=True)
            memory.forget(user_id="ana", query="jazz", hard=True)
        else:
            memory.forget(user_id="ana", ids=ids, hard=True)
        gone = erased(memory, [*texts, *ids], user_id="ana", vectors=vectors)
        assert {"Ximenia", "Quetzaltenango", "pistachios"} <= set(gone.words)
        assert memory_traces(memory, gone, user_id="ana") == []
        left = {one.text for one in memory.list(user_id="ana")}
    assert traces(place, gone, embedder) == []
    with place.open(embedder) as memory:
        assert {one.text for one in memory.list(user_id="ana")} == left
        assert {"My brother Tom plays the cello."} <= left
        assert len(memory.list(user_id="bob")) == 2


def test_after_delete_user_nothing_is_left(place, embedder):
    with place.open(embedder) as memory:
        filled(memory, extra=30)
        thoughts = memory.list(user_id="ana", include_inactive=True)
        vectors = memory._keeper.embed(thoughts)[0]
        assert memory.delete_user("ana").forgotten == len(thoughts)
        gone = erased(memory, [one.text for one in thoughts], user_id="ana", vectors=vectors)
        assert gone.shared == ("I like tea.",)  # bob does, too
        assert len(gone.vectors) == len(thoughts) - 1
    assert traces(place, gone, embedder) == []
    with place.open(embedder) as memory:
        assert {one.text for one in memory.list(user_id="bob")} == {"I like tea.", "I live in Rome."}
        assert memory.stats(user_id="ana")["thoughts"] == 0


def test_what_is_still_there_is_told_with_its_place(place, embedder):
    with place.open(embedder) as memory:
        filled(memory)
        (thought,) = memory.list(user_id="ana", query="Quetzaltenango")
        memory.forget(user_id="ana", ids=[thought.id])  # soft: all is still there
        gone = erased(memory, [thought.text, thought.id], user_id="ana")
        found = {(trace.place, trace.form) for trace in memory_traces(memory, gone, user_id="ana")}
        assert {(p, "text") for p in ("search", "list", "export", "store", "journal")} <= found
        assert {("index", "vector"), ("word index", "word"), ("journal", "id"), ("store", "id")} <= found
        assert memory_traces(memory, gone, user_id="bob") == []
    held = {(trace.place, trace.form) for trace in file_traces(place.folder, gone)}
    assert ("file memory/journal.sqlite", "text") in held
    assert ("file memory/journal.sqlite", "word") in held
    if place.url is None:
        assert {("file memory/chroma/chroma.sqlite3", form) for form in ("text", "word", "vector")} <= held


def test_the_scan_finds_what_chroma_leaves_behind(tmp_path, embedder):
    """Deleted through Chroma alone, text, words and vector stay in its files: this is what is mended."""
    folder = tmp_path / "memory"
    with ThoughtMemory(folder, embedder) as memory:
        filled(memory)
        (thought,) = memory.list(user_id="ana", query="Quetzaltenango")
        memory._keeper.store.rows.of(user_key("ana")).delete(ids=[thought.id])
    with ThoughtMemory(folder, embedder) as memory:
        gone = erased(memory, [thought.text], user_id="ana")
    forms = {trace.form for trace in file_traces(folder / "chroma", gone)}
    assert forms == {"text", "word", "vector"}


def test_vectors_in_the_index_file(tmp_path, embedder):
    """Beyond a thousand, Chroma's index file holds vectors, a bit changed; there they are found and erased too."""
    with ThoughtMemory(tmp_path, embedder) as memory:
        memory.insert("seed", user_id="seed")
        line = next(iter(memory.export(user_id="seed")))
        lines = [line.replace('"seed"', f'"Thing number{i} of {i % 7}."', 1) for i in range(1500)]
        memory.import_(
            [one.replace(memory.list(user_id="seed")[0].id, f"{i:024x}") for i, one in enumerate(lines)], user_id="ana"
        )
        chosen = [memory.get(f"{i:024x}", user_id="ana") for i in (3, 1400)]
        vectors = memory._keeper.embed(chosen)[0]
        gone = erased(memory, ["nothing of the kind"], user_id="ana", vectors=vectors)
    assert gone.vectors.shape == (0, 64)  # they are not erased yet
    with ThoughtMemory(tmp_path, embedder) as memory:
        memory.forget(user_id="ana", ids=[one.id for one in chosen], hard=True)
        gone = erased(memory, [one.text for one in chosen], user_id="ana", vectors=vectors)
        assert len(gone.vectors) == 2
    assert any(file.name == "data_level0.bin" for file in tmp_path.rglob("*"))
    assert file_traces(tmp_path, gone) == []


def test_a_fresh_process_finds_nothing(tmp_path, embedder):
    with ThoughtMemory(tmp_path, embedder) as memory:
        filled(memory)
        memory.forget(user_id="ana", query="Quetzaltenango", hard=True)
    code = (
        "import sys; from fake_embedder import WordHashEmbedder; from bethink.memory import ThoughtMemory\n"
        "with ThoughtMemory(sys.argv[1], WordHashEmbedder()) as memory:\n"
        "    print(*memory.export(user_id='ana'), *memory.search('Quetzaltenango', user_id='ana', k=99))"
    )
    run = [sys.executable, "-c", code, str(tmp_path)]
    told = subprocess.run(run, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=60, check=True)
    assert "cello" in told.stdout
    assert "Quetzal" not in told.stdout


def test_distinctive_words():
    known = known_words([])
    assert distinctive(["I live in Quetzaltenango, remember?"], known) == ("Quetzaltenango",)
    assert distinctive(["embedding metadata of collections"], known) == ()  # Chroma's own
    assert distinctive(["東京タワーが好き", "naïve"], known) == ("東京タワーが好き", "naïve")


def test_bad_questions(tmp_path, embedder):
    with ThoughtMemory(tmp_path, embedder) as memory:
        for nothing in ([], [""], ["  "]):
            with pytest.raises(ValueError, match="what was erased"):
                erased(memory, nothing, user_id="ana")
        odd = ["\ud800", "x" * 10_000, "🎉", '"\\', "0" * 24]
        gone = erased(memory, odd, user_id="ana")
        assert memory_traces(memory, gone, user_id="ana") == []
    assert file_traces(tmp_path, gone) == []
    assert gone.vectors.dtype == np.float32


def test_erasing_takes_a_tolerable_time(tmp_path):
    """At 2,000 thoughts; the benchmark has 10,000."""
    import time

    embedder = WordHashEmbedder()
    with ThoughtMemory(tmp_path, embedder) as memory:
        memory.insert("seed", user_id="seed")
        line = next(iter(memory.export(user_id="seed")))
        ident = memory.list(user_id="seed")[0].id
        memory.import_(
            [line.replace(ident, f"{i:024x}").replace('"seed"', f'"Thing {i}."', 1) for i in range(2000)], user_id="ana"
        )
        start = time.perf_counter()
        memory.forget(user_id="ana", ids=["0" * 24], hard=True)
        assert time.perf_counter() - start < 5
