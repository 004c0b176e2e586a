from __future__ import annotations

import pytest

from bethink.memory.conflict import decide, functional, normalise
from bethink.memory.thought import thought_from_dict


def thought(id, text, triple, said="2024-05-01T00:00:00Z", **more):
    subject, relation, obj = triple or (None, None, None)
    return thought_from_dict(
        {
            "id": id,
            "text": text,
            "user_id": "u",
            "created_at": said,
            "subject": subject,
            "relation": relation,
            "object": obj,
        }
        | more
    )


PORTO = thought("a", "My sister Maria lives in Porto.", ("Maria", "lives in", "Porto"), metadata={"kin": "sister"})


@pytest.mark.parametrize(
    ("text", "triple"),
    [
        ("Maria lives in Lisbon.", ("Maria", "lives in", "Lisbon")),
        ("My sister lives in Lisbon.", ("user's sister", "lives in", "Lisbon")),
        ("maria no longer lives in Porto.", ("maria", "not lives in", "porto")),
    ],
)
def test_a_newer_value_takes_the_place(text, triple):
    found = decide(thought("b", text, triple, "2024-06-01T00:00:00Z"), [PORTO])
    assert (found.kind, [other.id for other in found.others]) == ("supersede", ["a"])


@pytest.mark.parametrize(
    ("text", "triple"),
    [
        ("My brother Tom lives in Lisbon.", ("Tom", "lives in", "Lisbon")),
        ("I live in Lisbon.", ("user", "lives in", "Lisbon")),
        ("Maria works in Lisbon.", ("Maria", "works in", "Lisbon")),
        ("Maria used to live in Lisbon.", ("Maria", "used to live in", "Lisbon")),
        ("Maria plans to move to Lisbon.", ("Maria", "plans to", "move to Lisbon")),
        ("Maria likes Lisbon.", ("Maria", "likes", "Lisbon")),
        ("Maria does not live in Rome.", ("Maria", "not lives in", "Rome")),
        ("I visited Maria in Lisbon yesterday.", None),
    ],
)
def test_hard_negatives_stand_beside(text, triple):
    assert decide(thought("b", text, triple, "2024-06-01T00:00:00Z"), [PORTO]).kind == "insert"


def test_same_words_or_same_triple_change_nothing():
    assert decide(thought("b", "my sister Maria lives in Porto!", None), [PORTO]).kind == "noop"
    assert decide(thought("b", "Maria is living in porto.", ("maria", "lives in", "porto")), [PORTO]).kind == "noop"
    assert decide(thought("b", "other", ("Maria", "lives in", "Porto")), [PORTO]).kind == "noop"


def test_a_namesake_part_is_no_match():
    old = thought("a", "I live in New York.", ("user", "lives in", "New York"))
    assert decide(thought("b", "I live in York.", ("user", "lives in", "York"), "2025"), [old]).kind == "supersede"
    full = thought("a", "I live in Porto, Portugal.", ("user", "lives in", "Porto, Portugal"))
    assert decide(thought("b", "I live in Porto.", ("user", "lives in", "Porto"), "2025"), [full]).kind == "noop"


def test_what_was_said_earlier_does_not_win():
    found = decide(
        thought("b", "Maria lives in Lisbon.", ("Maria", "lives in", "Lisbon"), "2020-01-01T00:00:00Z"), [PORTO]
    )
    assert (found.kind, found.others[0].id) == ("late", "a")


def test_additive_relations_add_unless_the_sentence_says_otherwise():
    old = thought("a", "I play chess.", ("user", "plays", "chess"))
    new = thought("b", "I play golf now.", ("user", "plays", "golf"), "2025-01-01T00:00:00Z")
    assert decide(new, [old]).kind == "insert"
    assert "a" in decide(new, [old]).reason
    assert decide(new, [old], replaces=True).kind == "supersede"


def test_likes_and_dislikes_of_the_same_thing():
    old = thought("a", "I like coffee.", ("user", "likes", "coffee"))
    assert decide(thought("b", "I hate coffee.", ("user", "dislikes", "coffee"), "2025"), [old]).kind == "supersede"
    assert decide(thought("b", "I hate tea.", ("user", "dislikes", "tea"), "2025"), [old]).kind == "insert"


def test_keep_both_keeps_both():
    new = thought("b", "Maria lives in Lisbon.", ("Maria", "lives in", "Lisbon"), "2024-06-01T00:00:00Z")
    assert decide(new, [PORTO], policy="keep_both").kind == "insert"


def test_two_sisters_are_not_one():
    other = thought("c", "My sister Ana is tall.", ("Ana", "is", "tall"), metadata={"kin": "sister"})
    new = thought("b", "My sister lives in Lisbon.", ("user's sister", "lives in", "Lisbon"), "2024-06-01T00:00:00Z")
    assert decide(new, [PORTO, other]).kind == "insert"


def test_speakers_are_not_mixed():
    old = thought("a", "I live in Porto.", ("user", "lives in", "Porto"), metadata={"speaker": "Ana"})
    new = thought("b", "I live in Rome.", ("user", "lives in", "Rome"), "2025", metadata={"speaker": "Tom"})
    assert decide(new, [old]).kind == "insert"


def test_what_counts_as_same_and_as_single():
    assert normalise("The  Big-Apple!") == normalise("big apple")
    assert functional("favourite player")
    assert not functional("likes")


def test_a_new_husband_takes_the_place_of_the_old_one_but_a_new_dog_does_not():
    old = thought("a", "My husband is Max.", ("Max", "is", "user's husband"))
    new = thought("b", "Tom is my husband now.", ("Tom", "is", "user's husband"), "2025-01-01T00:00:00Z")
    assert [other.id for other in decide(new, [old]).others] == ["a"]
    rex = thought("c", "Rex is my dog.", ("Rex", "is", "user's dog"))
    assert decide(thought("d", "Pip is my dog.", ("Pip", "is", "user's dog"), "2025"), [rex]).kind == "insert"
    theirs = thought("e", "Max is my husband.", ("Max", "is", "user's husband"), metadata={"speaker": "Ana"})
    assert decide(new, [theirs]).kind == "insert"


def test_mum_and_mother_are_one():
    old = thought("a", "My mum lives in Porto.", ("user's mum", "lives in", "Porto"))
    new = thought("b", "My mother lives in Rome.", ("user's mother", "lives in", "Rome"), "2025-01-01T00:00:00Z")
    assert decide(new, [old]).kind == "supersede"


def test_thoughts_that_are_named_end_whatever_their_triples():
    told = thought("b", "I swim at Marina Pool now.", None, said="2024-06-01T00:00:00Z")
    known = [PORTO, thought("c", "I swim at the Albert Baths.", None)]
    decision = decide(told, known, ends=("c",))
    assert (decision.kind, [one.id for one in decision.others]) == ("supersede", ["c"])
    assert decide(told, known).kind == "insert"
    assert decide(told, known, ends=("c",), policy="keep_both").kind == "insert"
    earlier = thought("d", "I swim in the lake.", None, said="2024-01-01T00:00:00Z")
    assert decide(earlier, known, ends=("c",)).kind == "late"
