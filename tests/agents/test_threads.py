from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethink.agents.threads import ThreadNotFound, ThreadStore


@pytest.fixture
def store(tmp_path):
    made = ThreadStore(tmp_path / "threads.db")
    yield made
    made.close()


def test_a_turn_is_kept_across_a_restart(tmp_path):
    store = ThreadStore(tmp_path / "threads.db")
    thread = store.create("ann")
    turn = store.start_turn("ann", thread.id, "Hello there")
    store.save_answer(turn, "Hi.", "complete", [{"kind": "Usage", "tokens_in": 3}])
    store.close()
    again = ThreadStore(tmp_path / "threads.db")
    user, answer = again.messages("ann", thread.id)
    assert (user.role, user.text, answer.text, answer.status) == ("user", "Hello there", "Hi.", "complete")
    assert answer.events == [{"kind": "Usage", "tokens_in": 3}]
    assert again.list("ann")[0].title == "Hello there"
    again.close()


def test_what_ran_when_the_process_died_is_marked_interrupted(tmp_path):
    store = ThreadStore(tmp_path / "threads.db")
    thread = store.create("ann")
    turn = store.start_turn("ann", thread.id, "Hello")
    store.save_answer(turn, "Half an ans", "running", [])
    again = ThreadStore(tmp_path / "threads.db")
    assert again.messages("ann", thread.id)[1].status == "interrupted"
    assert again.messages("ann", thread.id)[1].text == "Half an ans"
    store.close()
    again.close()


def test_users_cannot_reach_each_other(store):
    thread = store.create("ann")
    store.start_turn("ann", thread.id, "secret plan")
    for call in (
        lambda: store.get("bob", thread.id),
        lambda: store.messages("bob", thread.id),
        lambda: store.rename("bob", thread.id, "mine"),
        lambda: store.delete("bob", thread.id),
        lambda: store.start_turn("bob", thread.id, "hi"),
        lambda: store.drop_turns("bob", thread.id, "x"),
    ):
        with pytest.raises(ThreadNotFound, match="does not exist"):
            call()
    assert store.list("bob") == []
    assert store.list("bob", "secret") == []
    assert [t.id for t in store.list("ann", "secret")] == [thread.id]


def test_search_takes_wildcards_literally(store):
    one, two = store.create("ann", "100% sure"), store.create("ann", "nothing")
    assert [t.id for t in store.list("ann", "100%")] == [one.id]
    assert [t.id for t in store.list("ann", "_othing")] == []
    assert {t.id for t in store.list("ann")} == {one.id, two.id}


def test_dropping_a_turn_takes_all_later_ones(store):
    thread = store.create("ann")
    turns = [store.start_turn("ann", thread.id, f"message {i}") for i in range(4)]
    for turn in turns:
        store.put_job("ann", thread.id, turn, {"query": "q"})
    assert store.drop_turns("ann", thread.id, turns[2]) == turns[2:]
    assert [m.turn_id for m in store.messages("ann", thread.id)] == [turns[0], turns[0], turns[1], turns[1]]
    assert [job[0] for job in store.jobs()] == turns[:2]
    assert store.drop_turns("ann", thread.id, "no such turn") == []


def test_a_job_noted_twice_is_one(store):
    thread = store.create("ann")
    store.put_job("ann", thread.id, "t1", {"query": "a"})
    store.put_job("ann", thread.id, "t1", {"query": "b"})
    assert [(job[0], job[3]) for job in store.jobs()] == [("t1", {"query": "a"})]
    store.end_job("t1")
    assert not store.has_job("t1")


def test_deleting_removes_the_text_from_the_file(tmp_path):
    store = ThreadStore(tmp_path / "threads.db")
    thread = store.create("ann")
    store.start_turn("ann", thread.id, "xyzzy-unmistakable")
    store.delete("ann", thread.id)
    assert store.list("ann") == []
    store.close()
    assert b"xyzzy-unmistakable" not in (tmp_path / "threads.db").read_bytes()


def test_deleted_text_is_gone_from_all_files_at_once(tmp_path):
    """While the chats are open: the write-ahead log holds it otherwise."""
    store = ThreadStore(tmp_path / "threads.db")
    for number in range(30):
        thread = store.create("ann")
        for turn in range(3):
            ident = store.start_turn("ann", thread.id, f"mark{number}x {turn} " + "word " * 200)
            store.save_answer(ident, f"mark{number}x " * 50, "complete", [{"said": f"mark{number}x"}])
    kept, dropped, *gone = store.list("ann")
    store.drop_turns("ann", dropped.id, store.messages("ann", dropped.id)[2].turn_id)
    for thread in gone:
        store.delete("ann", thread.id)
    held = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert all(thread.title.split()[0].encode() not in held for thread in gone)
    assert kept.title.split()[0].encode() in held
    assert b"x 1 word" not in held.split(dropped.title.split()[0].encode())[1]
    store.close()


def test_a_user_is_deleted_alone(store, tmp_path):
    threads = {user: store.create(user) for user in ("ann", "bob")}
    for user, thread in threads.items():
        turn = store.start_turn(user, thread.id, f"I am {user}, says Quetzal{user}.")
        store.save_answer(turn, "Noted.", "complete", [{"kind": "Recall", "text": "Zoë"}])
        store.put_job(user, thread.id, turn, {"query": f"Quetzal{user}"})
    assert store.mentions("ann", "Quetzalann") == {threads["ann"].id: 3}  # title, message, job
    assert store.mentions("ann", "Zoë") == {threads["ann"].id: 1}
    assert store.mentions("bob", "Quetzalann") == {}
    assert [event["text"] for event in store.events("ann")] == ["Zoë"]
    assert store.delete_user("ann") == 1
    assert store.delete_user("ann") == 0
    assert (store.list("ann"), len(store.list("bob")), len(store.jobs())) == ([], 1, 1)
    held = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"Quetzalann" not in held
    assert b"Quetzalbob" in held


@given(text=st.text(st.characters(codec=None), max_size=200))
def test_any_text_survives(tmp_path_factory, text):
    store = ThreadStore(tmp_path_factory.mktemp("t") / "threads.db")
    thread = store.create("ann")
    turn = store.start_turn("ann", thread.id, text)
    store.save_answer(turn, text, "complete", [{"text": text}])
    user, answer = store.messages("ann", thread.id)
    assert user.text == answer.text == text.encode("utf-8", "replace").decode("utf-8")
    store.close()
