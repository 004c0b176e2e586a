"""A new thought is held against a few, and the decision is that of all."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.memory.conflict import decide
from bethink.memory.known import Known
from tests.memory.test_conflict import thought

NAMES = ["Maria", "Tom", "user", "user's sister", "user's husband", "user's mum", "the user's mother"]
RELATIONS = ["lives in", "likes", "dislikes", "not likes", "is", "works as", "favourite player"]
OBJECTS = ["Porto", "porto", "the Porto", "Lisbon", "user's husband", "tea, coffee"]


@st.composite
def thoughts(draw):
    metadata = {}
    if draw(st.integers(0, 3)) == 0:
        metadata["kin"] = draw(st.sampled_from(["sister", "husband", "mum"]))
    if draw(st.integers(0, 3)) == 0:
        metadata["speaker"] = draw(st.sampled_from(["Ana", "Maria"]))
    triple = draw(st.none() | st.tuples(st.sampled_from(NAMES), st.sampled_from(RELATIONS), st.sampled_from(OBJECTS)))
    text = " ".join(triple) + draw(st.sampled_from([".", "!"])) if triple else draw(st.sampled_from("abc"))
    day = f"2024-05-0{draw(st.integers(1, 9))}T00:00:00Z"
    ended = draw(st.integers(0, 4)) == 0
    return thought("?", text, triple, day, metadata=metadata, invalid_at="2024-06-01T00:00:00Z" if ended else None)


@settings(max_examples=300, deadline=None)
@given(st.lists(thoughts(), max_size=12), thoughts(), st.booleans(), st.sampled_from(["supersede", "paper"]))
def test_few_decide_as_all(before, new, replaces, policy):
    held = {str(number): replace(each, id=str(number)) for number, each in enumerate(before)}
    new = replace(new, id="new", invalid_at=None)
    few = Known(held).beside(new)
    whole = decide(new, held.values(), replaces=replaces, policy=policy)
    some = decide(new, few, replaces=replaces, policy=policy)
    assert some.kind == whole.kind
    if whole.kind in ("supersede", "cancel"):
        assert {other.id for other in some.others} == {other.id for other in whole.others}


def test_what_is_new_or_changed_is_known():
    held = {}
    known = Known(held)
    first = thought("a", "Ana likes tea.", ("Ana", "likes", "tea"))
    assert known.beside(first) == []
    held["a"] = first
    known.put(first)
    new = thought("b", "Ana likes coffee.", ("Ana", "likes", "coffee"))
    assert known.beside(new) == [first]
    held["a"] = replace(first, invalid_at="2024-06-01T00:00:00Z")
    known.put(held["a"])
    assert known.beside(new) == []
    held["a"] = replace(first, subject="Ben")
    known.put(held["a"])
    assert [each.id for each in known.beside(replace(new, subject="Ben"))] == ["a"]


def test_of_many_only_a_few_are_looked_at():
    held = {
        str(n): thought(str(n), f"Person{n} likes tea{n}.", (f"Person{n}", "likes", f"tea{n}")) for n in range(5000)
    }
    known = Known(held)
    new = thought("new", "Person7 likes coffee.", ("Person7", "likes", "coffee"))
    assert [each.id for each in known.beside(new)] == ["7"]
    assert known.valued() == []
    held["home"] = thought("home", "Person7 lives in Porto.", ("Person7", "lives in", "Porto"))
    known.put(held["home"])
    assert known.valued() == [held["home"]]
