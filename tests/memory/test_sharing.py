"""Several memories on one Chroma server, each with a folder of its own, as several processes have."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from chroma_process import wipe
from fake_embedder import WordHashEmbedder

import bethink.memory.server as server_module
from bethink.memory import EmbedderMismatchError, MemoryFolderError, ThoughtMemory
from bethink.memory.journal import Journal
from bethink.memory.rewriting import begin, collection
from bethink.memory.server import chroma_server
from bethink.memory.store import user_key

ANA = user_key("ana")


@pytest.fixture
def opened(tmp_path, server):
    """A function that opens a memory on the server in a folder of a given name."""
    made: list[ThoughtMemory] = []

    def opener(name, embedder=None, **options):
        embedder = embedder or WordHashEmbedder()
        memory = ThoughtMemory(tmp_path / name, embedder, store=chroma_server(server[0], embedder.dim), **options)
        made.append(memory)
        return memory

    yield opener
    for memory in made:
        memory.close()


def texts(memory, user="ana"):
    return sorted(thought.text for thought in memory.list(user_id=user, include_inactive=True))


def requests(memory, monkeypatch):
    """A list that grows with each request of this memory's store."""
    session, done = memory._keeper.store.rows.client._server._session, []
    asked = session.request
    monkeypatch.setattr(session, "request", lambda *args, **more: done.append(args[:2]) or asked(*args, **more))
    return done


def test_each_sees_what_the_other_wrote(opened):
    a, b = opened("a"), opened("b")
    assert texts(b) == []
    (porto,) = a.add("I live in Porto.", user_id="ana", turn_id="t1", timestamp="2024-01-01")
    assert texts(b) == ["I live in Porto."]
    (rome,) = b.add("I live in Rome.", user_id="ana", turn_id="t2", timestamp="2024-02-01")
    assert (rome.op, rome.old) == ("supersede", "I live in Porto.")
    assert [thought.text for thought in a.list(user_id="ana")] == ["I live in Rome."]
    assert not a.get(porto.id, user_id="ana").active
    a.update(rome.id, "I live in Rimini.", user_id="ana")
    (hit,) = b.search("Rimini", user_id="ana")
    assert hit.thought.text == "I live in Rimini."
    assert hit.score > b.search("Rome", user_id="ana")[0].score  # the vector came along
    token = b.forget(user_id="ana", ids=[rome.id]).undo_token
    assert a.list(user_id="ana") == []
    b.undo(token, user_id="ana")
    assert [thought.text for thought in a.list(user_id="ana")] == ["I live in Rimini."]
    assert list(a.export(user_id="ana")) == list(b.export(user_id="ana"))


def test_erasure_reaches_every_journal(opened):
    a, b = opened("a"), opened("b")
    (change,) = b.add("I like zanzibar tea.", user_id="ana", turn_id="t1")
    b.add("I like jazz.", user_id="ana", turn_id="t2")
    assert len(texts(a)) == 2
    a.forget(user_id="ana", ids=[change.id], hard=True)
    assert all("zanzibar" not in hit.thought.text for hit in b.search("zanzibar", user_id="ana"))
    assert texts(b) == ["I like jazz."]
    assert b.history(change.id, user_id="ana")[0].text == ""
    assert b._keeper.journal.ids(ANA) == {thought.id for thought in b.list(user_id="ana")}
    for file in b.folder.rglob("*"):
        assert not file.is_file() or b"zanzibar" not in file.read_bytes(), file


def test_a_user_deleted_elsewhere_is_gone_here(opened):
    a, b = opened("a"), opened("b")
    b.add("I like zanzibar tea.", user_id="ana", turn_id="t1")
    assert a.delete_user("ana").forgotten == 1
    assert texts(b) == []
    assert b._keeper.journal.ids(ANA) == set()
    b.add("I like jazz.", user_id="ana", turn_id="t2")
    assert texts(a) == texts(b) == ["I like jazz."]


def test_a_deletion_between_a_look_and_a_write_is_seen(opened):
    a, b = opened("a"), opened("b")
    b.add("I like zanzibar tea.", user_id="ana", turn_id="t1")
    keeper = b._keeper
    with keeper.lock(ANA):
        keeper.shelf(ANA)
        a.delete_user("ana")  # b has looked already, and writes now
        assert b.add("I like jazz.", user_id="ana", turn_id="t2")
    assert texts(b) == texts(a) == ["I like jazz."]
    assert len(b._keeper.journal.ids(ANA)) == 1


def test_erasure_reaches_who_was_away(opened):
    a, b = opened("a"), opened("b")
    b.add("I like zanzibar tea.", user_id="ana", turn_id="t1")
    b.add("I like zanzibar tea.", user_id="bob", turn_id="t1")
    b.close()
    a.forget(user_id="ana", query="zanzibar", hard=True)
    b = opened("b")  # nobody asks for ana here
    assert b._keeper.journal.ids(ANA) == set()
    assert len(b._keeper.journal.ids(user_key("bob"))) == 1
    b.close()
    assert opened("b")._keeper.journal.fact(f"erased {ANA}")


def test_a_look_is_one_request(opened, monkeypatch):
    a, b = opened("a"), opened("b")
    a.add("I like tea.", user_id="ana", turn_id="t1")
    texts(b)
    done = requests(b, monkeypatch)
    texts(b)
    assert len(done) == 1
    b.add("I like jazz.", user_id="ana", turn_id="t2")
    del done[:]
    texts(b)
    assert len(done) == 1  # one's own write is known
    a.add("I like golf.", user_id="ana", turn_id="t3")
    del done[:]
    texts(b)
    assert 1 < len(done) < 8
    assert b._keeper.store.vectors(ANA, [])[0] == []


def test_writing_while_another_erases(opened):
    """Each write lands in the collection that is the user's afterwards, whatever moment it comes at."""
    a, b = opened("a"), opened("b")
    a.import_(_lines(a, 40), user_id="ana")
    problems: list[BaseException] = []

    def write(memory, name):
        try:
            for number in range(12):
                memory.insert(f"Kept {name} {number}.", user_id="ana", turn_id=f"{name}{number}")
        except BaseException as problem:
            problems.append(problem)

    def erase():
        try:
            for number in range(12):
                a.forget(user_id="ana", query=f"Gone {number}.", hard=True)
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=write, args=(b, "b")), threading.Thread(target=erase)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    for memory in (a, b, opened("c")):
        found = texts(memory)
        assert [text for text in found if text.startswith("Kept")] == sorted(f"Kept b {i}." for i in range(12))
        assert len(found) == len(set(found))
        assert not any(f"Gone {number}." in found for number in range(12))
        assert sum(text.startswith("Gone") for text in found) == 28
    assert b._keeper.journal.pending() == []


def _lines(memory, count):
    for number in range(count):
        memory.insert(f"Gone {number}.", user_id="draft", turn_id=f"g{number}")
    return list(memory.export(user_id="draft"))


def test_two_processes_write_for_one_user(tmp_path, server):
    code = Path(__file__).with_name("share_server.py")
    runs = [
        subprocess.Popen(
            [sys.executable, code, tmp_path / name, server[0], str(start), str(start + 15)], stdout=subprocess.PIPE
        )
        for name, start in (("a", 0), ("b", 10))
    ]
    for run in runs:
        out, _ = run.communicate(timeout=120)
        assert run.returncode == 0
        counts = [int(line) for line in out.split()]
        assert counts == sorted(counts)
    embedder = WordHashEmbedder()
    with ThoughtMemory(tmp_path / "c", embedder, store=chroma_server(server[0], embedder.dim)) as memory:
        assert len(texts(memory)) == len(set(texts(memory))) == 25  # five turns were written by both


def test_an_erasure_that_its_process_left_is_finished_by_another(opened, monkeypatch):
    a, b = opened("a"), opened("b")
    a.add("I like tea. I like jazz.", user_id="ana", turn_id="t1")
    tea = a.list(user_id="ana", query="tea")[0].id
    store = a._keeper.store
    begin(store.rows.client, ANA, [tea], by=store.node)
    collection(store.rows.client, ANA).modify(name=f"{ANA}-old")  # and here a was killed
    monkeypatch.setattr(server_module, "PATIENCE_S", 0.3)
    assert texts(b) == ["I like jazz."]
    b.add("I like golf.", user_id="ana", turn_id="t2")
    assert texts(b) == texts(a) == ["I like golf.", "I like jazz."]


def test_each_folder_has_one_process(opened, tmp_path):
    opened("a")
    with pytest.raises(MemoryFolderError, match="in use by another process"):
        opened("a")


def test_other_vectors_are_refused(opened):
    opened("a")
    other = WordHashEmbedder()
    other.name = "another"
    for options in ({"embedder": other}, {"seed": 3}, {"n_buckets": 8}):
        with pytest.raises(EmbedderMismatchError, match="do not mix"):
            opened("b", **options)
    assert opened("c")


def test_a_folder_stays_with_its_store(opened, tmp_path, server):
    memory = opened("a")
    memory.add("I like tea.", user_id="ana")
    memory.close()
    with pytest.raises(MemoryFolderError, match="on a Chroma server"):
        ThoughtMemory(tmp_path / "a", memory.embedder)
    with ThoughtMemory(tmp_path / "own", memory.embedder) as own:
        own.add("I like tea.", user_id="ana")
    with pytest.raises(MemoryFolderError, match="in the folder itself"):
        opened("own")
    wipe(server[0])
    with pytest.raises(MemoryFolderError, match="it was emptied"):
        opened("a")  # and nothing is taken for erased
    assert len(memory_ids(tmp_path / "a")) == 1


def memory_ids(folder):
    journal = Journal(folder / "journal.sqlite")
    try:
        return journal.ids(ANA)
    finally:
        journal.close()
