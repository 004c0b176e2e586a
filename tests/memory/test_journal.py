from __future__ import annotations

import time

import numpy as np
import pytest
from stored import thoughts

from bethink.memory.journal import EVERYTHING, Journal, Step


@pytest.fixture
def journal(tmp_path):
    made = Journal(tmp_path / "journal.sqlite")
    yield made
    made.close()


def written(journal, count, user="ana"):
    rows, vectors = thoughts(count)
    steps = [Step("insert", row.id, None, row, "new", vector) for row, vector in zip(rows, vectors, strict=True)]
    journal.mark_applied(journal.record(user, steps, at="2024-01-01"))
    return rows


def test_what_it_tells_of_a_user(journal):
    rows = written(journal, 3)
    written(journal, 1, "bob")
    assert journal.users() == ["ana", "bob"]
    assert journal.ids("ana") == {row.id for row in rows}
    assert list(journal.latest("ana").values()) == rows
    assert journal.told("ana") == rows
    assert len(journal.mentions("ana", "number1")) == 1
    assert journal.mentions("bob", "number1") == []
    journal.record("ana", [Step("forget", rows[0].id, None, None, "erased")], at="2024-01-02")
    journal.erase("ana", [rows[0].id])
    assert journal.ids("ana") == {row.id for row in rows[1:]}
    assert list(journal.latest("ana").values()) == rows[1:]
    journal.record("ana", [Step("forget", EVERYTHING, None, None, "user deleted")], at="2024-01-03")
    journal.erase("ana")
    assert journal.ids("ana") == set()
    assert journal.ids("bob")


def test_facts_about_itself(journal):
    assert journal.fact("store") is None
    journal.note("store", "one")
    journal.note("store", "two")
    assert journal.fact("store") == "two"


def test_erased_bytes_are_gone_while_it_is_open(journal, tmp_path):
    rows = written(journal, 300)
    journal.erase("ana", [rows[7].id, rows[250].id])
    for file in tmp_path.iterdir():
        held = file.read_bytes()
        assert b"number7." not in held, file
        assert b"number250." not in held, file
    assert np.any([b"number8." in file.read_bytes() for file in tmp_path.iterdir()])


def test_erasing_at_ten_thousand_entries_takes_less_than_a_second(journal):
    rows = written(journal, 10_000)
    spent = []
    for row in rows[:3]:
        start = time.perf_counter()
        journal.erase("ana", [row.id])
        spent.append(time.perf_counter() - start)
    assert min(spent) < 1
