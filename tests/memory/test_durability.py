from __future__ import annotations

import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from chroma_process import chroma_process, free_port
from killing import ADDER, add_and_kill, faults

from bethink.memory import EmbedderMismatchError, MemoryFolderError, MemoryLockedError, ThoughtMemory
from bethink.memory.journal import EVERYTHING, Step
from bethink.memory.server import chroma_server
from bethink.memory.store import user_key


@pytest.fixture
def memory(place, embedder):
    """On both stores."""
    with place.open(embedder) as opened:
        yield opened


def test_kill_9_in_the_middle_of_adds(place, embedder):
    """The benchmark has 20 kills in 1,000 adds."""
    rng, done = random.Random(0), -1
    for _ in range(4):
        done = add_and_kill(place.folder / "memory", done + 1, rng, url=place.url)
        with place.open(embedder) as memory:
            wrong, done = faults(memory, done)
        assert wrong == []
    assert done >= 4


def test_kill_9_of_the_server_in_the_middle_of_adds(tmp_path, embedder):
    port, written = free_port(), []
    with chroma_process(tmp_path / "chroma", port) as (url, server):
        memory = ThoughtMemory(tmp_path / "memory", embedder, store=chroma_server(url, embedder.dim))
        threading.Timer(0.5, server.kill).start()
        with pytest.raises(MemoryFolderError, match="Start it again"):  # noqa: PT012
            for number in range(10_000):
                memory.add(f"I live in town {number}.", user_id="ana", turn_id=f"t{number}", timestamp="2024-05-01")
                written.append(number)
    with chroma_process(tmp_path / "chroma", port), memory:
        found = memory.list(user_id="ana", include_inactive=True, limit=10**6)
        numbers = sorted(int(thought.object.removeprefix("town ")) for thought in found)
        assert numbers in (written, [*written, len(written)])  # the last was in the journal already
        assert sum(thought.active for thought in found) == 1
        assert memory._keeper.journal.pending() == []


class Killed(BaseException):
    pass


@pytest.mark.parametrize("where", ["before the store", "after the store"])
@pytest.mark.parametrize("what", ["add", "supersede", "forget", "hard", "merge", "edit", "delete_user", "undo"])
def test_a_change_cut_short_is_completed_at_the_next_start(place, embedder, monkeypatch, where, what):
    def ready(folder):
        memory = place.open(embedder, folder)
        memory.add(
            "I live in Porto. I like tea. I like jazz. I play chess.",
            user_id="ana",
            turn_id="t",
            timestamp="2024-01-01",
        )
        return (
            memory,
            memory.list(user_id="ana", query="Porto")[0].id,
            memory.forget(user_id="ana", query="chess").undo_token,
        )

    def change(memory, porto, token):
        calls = {
            "add": lambda: memory.add("I play golf.", user_id="ana", turn_id="t2", timestamp="2024-02-01"),
            "supersede": lambda: memory.add("I live in Rome.", user_id="ana", turn_id="t2", timestamp="2024-02-01"),
            "forget": lambda: memory.forget(user_id="ana", ids=[porto]),
            "hard": lambda: memory.forget(user_id="ana", ids=[porto], hard=True),
            "merge": lambda: memory.merge(user_id="ana"),
            "edit": lambda: memory.update(porto, "I live in Braga.", user_id="ana"),
            "delete_user": lambda: memory.delete_user("ana"),
            "undo": lambda: memory.undo(token, user_id="ana"),
        }
        calls[what]()

    def state(memory):
        thoughts = memory.list(user_id="ana", include_inactive=True)
        return sorted((one.text, one.active, bool(one.superseded_by)) for one in thoughts)

    memory, porto, token = ready("whole")
    change(memory, porto, token)
    whole = state(memory)
    memory.delete_user("ana")  # on a server, both are the same user's
    memory.close()

    memory, porto, token = ready("cut")
    calls = {"before the store": ("put", "update", "remove", "drop"), "after the store": ("mark_applied",)}[where]
    owner = type(memory._keeper.store if where == "before the store" else memory._keeper.journal)
    with monkeypatch.context() as patched:
        for name in calls:
            patched.setattr(owner, name, lambda *args: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            change(memory, porto, token)
    memory.close()
    with place.open(embedder, "cut") as memory:
        assert state(memory) == whole
        assert memory._keeper.journal.pending() == []


def test_a_failed_write_is_completed_before_the_next_one(memory, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(type(memory._keeper.store), "put", lambda *args: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            memory.add("I live in Porto.", user_id="ana", timestamp="2024-01-01")
    memory.add("I live in Rome.", user_id="ana", timestamp="2024-02-01")
    past = [thought.text for thought in memory.list(user_id="ana", include_inactive=True)]
    assert past == ["I live in Rome.", "I live in Porto."]
    assert [thought.text for thought in memory.list(user_id="ana")] == ["I live in Rome."]


def test_applying_twice_is_applying_once(memory):
    memory.add("I live in Porto. I like tea.", user_id="ana", turn_id="t")
    memory.add("I live in Rome.", user_id="ana", turn_id="t2")
    before = list(memory.export(user_id="ana"))
    keeper, user = memory._keeper, user_key("ana")
    keeper.journal._db.execute("UPDATE entries SET applied = 0 WHERE seq = (SELECT max(seq) FROM entries)")
    (pending,) = keeper.journal.pending()
    assert isinstance(pending[2][0], Step)
    keeper._finish(user)
    assert list(memory.export(user_id="ana")) == before


def test_nothing_is_removed_without_an_entry(memory):
    (change,) = memory.add("I live in Porto.", user_id="ana")
    memory.forget(user_id="ana", ids=[change.id], hard=True)
    memory.delete_user("ana")
    journal = memory._keeper.journal
    assert [past.reason for past in journal.history(EVERYTHING, user_key("ana"))] == ["erased"]


def test_a_second_process_is_refused_and_told_why(place, memory):
    code = (
        "import sys; from fake_embedder import WordHashEmbedder; from bethink.memory import ThoughtMemory;"
        "ThoughtMemory(sys.argv[1], WordHashEmbedder())"
    )
    run = [sys.executable, "-c", code, str(memory.folder)]
    told = subprocess.run(run, cwd=ADDER.parent, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 1
    assert f"The memory in {memory.folder} is in use by another process" in told.stderr
    assert "choose another folder" in told.stderr
    with pytest.raises(MemoryLockedError, match="in use"):
        ThoughtMemory(memory.folder, memory.embedder)
    memory.add("I live in Porto.", user_id="ana")  # the first is none the worse
    memory.close()
    told = subprocess.run(run, cwd=ADDER.parent, capture_output=True, text=True, timeout=60, check=False)
    if place.url is None:
        assert told.returncode == 0, told.stderr
    else:  # through the server each process has a folder of its own
        with place.open(memory.embedder, "another") as second:
            assert [thought.text for thought in second.list(user_id="ana")] == ["I live in Porto."]


@pytest.mark.parametrize("where", ["a file", "below a file", "proc"])
def test_a_folder_that_cannot_be_written(tmp_path, embedder, where):
    (tmp_path / "file").write_text("x")
    folder = {"a file": tmp_path / "file", "below a file": tmp_path / "file" / "memory", "proc": Path("/proc/memory")}[
        where
    ]
    if where == "proc" and not Path("/proc").is_dir():
        pytest.skip("no /proc here")  # tests may run as root, whom file modes do not stop; nobody may write in /proc
    with pytest.raises(MemoryFolderError, match="cannot be written") as told:
        ThoughtMemory(folder, embedder)
    assert "choose another" in str(told.value)


def test_a_read_only_folder(tmp_path, embedder):
    folder = tmp_path / "memory"
    folder.mkdir()
    folder.chmod(0o500)
    try:
        (folder / "x").touch()
    except OSError:
        with pytest.raises(MemoryFolderError, match="cannot be written"):
            ThoughtMemory(folder, embedder)
    else:
        pytest.skip("this user may write anywhere (root)")


@pytest.mark.parametrize(("name", "value"), [("name", "another"), ("dim", 32)])
def test_another_embedder_is_refused(tmp_path, embedder, name, value):
    ThoughtMemory(tmp_path, embedder).close()
    other = type(embedder)()
    setattr(other, name, value)
    with pytest.raises(EmbedderMismatchError, match="do not mix"):
        ThoughtMemory(tmp_path, other)
    with pytest.raises(EmbedderMismatchError, match="seed"):
        ThoughtMemory(tmp_path, embedder, seed=9)
    ThoughtMemory(tmp_path, embedder).close()


@pytest.mark.parametrize(
    "file", ["memory.json", "journal.sqlite", "hash/lsh.json", "hash/lsh.npy", "chroma/chroma.sqlite3"]
)
def test_a_corrupt_file_is_named(tmp_path, embedder, file):
    with ThoughtMemory(tmp_path, embedder) as memory:
        memory.add("I live in Porto.", user_id="ana")
    (tmp_path / file).write_bytes(b"rubbish" * 1000)
    for extra in ("-wal", "-shm"):
        (tmp_path / (file + extra)).unlink(missing_ok=True)

    def read() -> None:
        with ThoughtMemory(tmp_path, embedder) as memory:
            memory.list(user_id="ana")

    for _ in range(2):  # the second time too: the failed opening does not keep the lock
        with pytest.raises(MemoryFolderError, match="Restore"):
            read()


@pytest.mark.parametrize("lost", ["the store's folder", "some rows"])
def test_a_lost_store_is_made_anew_from_the_journal(tmp_path, embedder, lost):
    with ThoughtMemory(tmp_path, embedder) as memory:
        memory.add("I live in Porto. I like tea. I like jazz.", user_id="ana", turn_id="t1", timestamp="2024-01-01")
        memory.add("I live in Rome.", user_id="ana", turn_id="t2", timestamp="2024-02-01")
        memory.merge(user_id="ana")
        memory.add("I play chess.", user_id="bob", turn_id="t1")
        memory.forget(user_id="bob", query="chess")
        memory.add("I play golf.", user_id="bob", turn_id="t2")
        memory.forget(user_id="bob", query="golf", hard=True)
        before = {user: list(memory.export(user_id=user)) for user in ("ana", "bob")}
        hits = memory.search("Rome", user_id="ana")
        if lost == "some rows":
            rows = memory._keeper.store.rows
            rows.of(user_key("ana")).delete(ids=[hits[0].thought.id])
    if lost == "the store's folder":
        shutil.rmtree(tmp_path / "chroma")
    with ThoughtMemory(tmp_path, embedder) as memory:
        assert {user: list(memory.export(user_id=user)) for user in ("ana", "bob")} == before
        assert [hit.thought for hit in memory.search("Rome", user_id="ana")] == [hit.thought for hit in hits]
    with ThoughtMemory(tmp_path, embedder) as memory:
        assert len(memory._keeper.store.load(user_key("ana"))[0]) == len(before["ana"])
