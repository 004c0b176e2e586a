from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from bethink.memory import EmbedderMismatchError, MemoryFolderError, MemoryLockedError, ThoughtMemory
from bethink.memory.journal import EVERYTHING, Step
from bethink.memory.store import ChromaStore, user_key

ADDER = Path(__file__).with_name("add_until_killed.py")


def test_kill_9_in_the_middle_of_adds(tmp_path, embedder):
    rng, done = random.Random(0), -1
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, ADDER, tmp_path, str(done + 1)], stdout=subprocess.PIPE, text=True
        ) as adder:
            assert adder.stdout is not None
            done = int(adder.stdout.readline())  # it is running now
            time.sleep(rng.uniform(0, 0.4))
            adder.kill()
            done = max([done, *(int(line) for line in adder.stdout.read().split())])
        with ThoughtMemory(tmp_path, embedder) as memory:
            assert memory._keeper.journal.pending() == []
            thoughts = memory.list(user_id="ana", include_inactive=True, limit=10**6)
            texts = Counter(thought.text for thought in thoughts)
            assert max(texts.values()) == 1, "a thought is doubled"
            last = max(int(thought.source_turns[0].removeprefix("turn-")) for thought in thoughts)
            assert last in (done, done + 1), "an acknowledged thought is lost"
            # each turn wrote two thoughts, the first superseding that of the turn before: all or nothing
            assert len(thoughts) == 2 * (last + 1)
            homes = [thought for thought in thoughts if thought.relation == "lives in" and thought.active]
            assert [home.object for home in homes] == [f"town {last}"]
            assert memory.search(f"town {last}", user_id="ana", k=1)[0].thought.object == f"town {last}"
            changes = memory.add(
                f"I live in town {last} and I like tea {last}.",
                user_id="ana",
                turn_id=f"turn-{last}",
                timestamp="2024-05-01",
            )
            assert {change.op for change in changes} == {"noop"}
            done = last
    assert done >= 5


class Killed(BaseException):
    pass


@pytest.mark.parametrize("where", ["before the store", "after the store"])
@pytest.mark.parametrize("what", ["add", "supersede", "forget", "hard", "merge", "edit", "delete_user", "undo"])
def test_a_change_cut_short_is_completed_at_the_next_start(tmp_path, embedder, monkeypatch, where, what):
    def ready(folder):
        memory = ThoughtMemory(folder, embedder)
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

    memory, porto, token = ready(tmp_path / "whole")
    change(memory, porto, token)
    whole = state(memory)
    memory.close()

    memory, porto, token = ready(tmp_path / "cut")
    calls = {"before the store": ("put", "update", "remove", "drop"), "after the store": ("mark_applied",)}[where]
    owner = ChromaStore if where == "before the store" else type(memory._keeper.journal)
    with monkeypatch.context() as patched:
        for name in calls:
            patched.setattr(owner, name, lambda *args: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            change(memory, porto, token)
    memory.close()
    with ThoughtMemory(tmp_path / "cut", embedder) as memory:
        assert state(memory) == whole
        assert memory._keeper.journal.pending() == []


def test_a_failed_write_is_completed_before_the_next_one(memory, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(ChromaStore, "put", lambda *args: (_ for _ in ()).throw(OSError("disk full")))
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


def test_a_second_process_is_refused_and_told_why(memory):
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
    assert told.returncode == 0, told.stderr


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
