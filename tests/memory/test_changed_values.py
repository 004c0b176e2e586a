"""A changed value ends the old one, and what only looks like a change ends nothing: sentences through the whole way."""

from __future__ import annotations

import pytest

from bethink.memory.conflict import decide
from bethink.memory.extract import to_messages
from bethink.memory.learn import draft
from bethink.memory.rule_extract import RuleExtractor


def learned(*texts):
    """Thoughts after the texts were said one after the other: (all, the active ones)."""
    known = {}
    for i, text in enumerate(texts):
        (said,) = to_messages(text, timestamp=f"2024-0{i + 1}-01")
        for fact in RuleExtractor().extract([said]):
            thought = draft(fact, said, "ana", None, None, {})
            decision = decide(thought, known.values(), replaces=fact.replaces)
            if decision.kind == "supersede":
                for other in decision.others:
                    del known[other.id]
            if decision.kind != "noop":
                known[thought.id] = thought
    return list(known.values())


@pytest.mark.parametrize(
    ("first", "second", "gone"),
    [
        ("I live in Aalst, near the canal.", "We packed everything and moved up to Malmö, the flat is tiny.", "Aalst"),
        ("Malmö has been home for years.", "I've left Malmö and settled in Aalst.", "near"),
        ("I'm a florist, up at four every day.", "I shut the shop and retrained, I'm a midwife now.", "florist"),
        ("I work at Ostrow & Lee, in the archive.", "I quit Ostrow & Lee and joined Delmar Shipping.", "archive"),
        ("My boss is Greta, she is patient.", "Greta retired, so Mr Tan is my boss now.", "patient"),
        ("My number's 020 7946 0012.", "New number, please: use 020 7946 0099 from now on.", "0012"),
        ("You can email me at jo@wren.example.", "I've moved to jo@plum.example, the old one is closed.", "wren"),
        ("I drive a Twingo.", "We traded the Twingo for a Leaf last week.", "drive a Twingo"),
        ("My favorite color is teal.", "Ochre has become my favourite colour.", "teal"),
        ("I'm married, two kids.", "I'm not married any more. We got divorced in spring.", "two kids"),
        ("I weigh 90 kg.", "I've slimmed down from 90 kg to 82 kg.", "weigh 90"),
        ("My hair's auburn.", "I dyed it, my hair is purple now.", "auburn"),
        ("My sister works as a cook.", "My sister retrained and she's a pilot now.", "cook"),
        ("My shop's name is Grey Gate.", "I've renamed my shop Late Bread.", "Grey Gate"),
        ("I live with two friends.", "My aunt moved in with me, so I live with my aunt now.", "two friends"),
        ("I'm 44.", "It was my birthday yesterday, I'm 45 now.", "44"),
    ],
)
def test_a_changed_value_ends_the_old_one(first, second, gone):
    before = learned(first)
    assert len(before) == 1
    after = learned(first, second)
    assert before[0].id not in {thought.id for thought in after}
    assert gone not in "".join(t.text for t in before if t in after)
    assert any(thought.relation == before[0].relation for thought in after)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("I live in Aalst.", "I'm in Malmö this week for a conference."),
        ("I live in Aalst.", "My brother lives in Malmö now."),
        ("I work as a florist.", "I also work as a waiter at weekends."),
        ("I work at Ostrow & Lee.", "I have a second job at Delmar Shipping on the side."),
        ("I drive a Twingo.", "My first car was a Leaf."),
        ("I like tea.", "I like coffee now just as much."),
        ("I speak Danish.", "I speak Welsh now too."),
        ("My number is 020 7946 0012.", "You can reach me on 020 7946 0099 until tomorrow."),
        ("I'm vegan.", "My guests are vegetarian."),
        ("I'm married.", 'There is a song called "I am single" on the radio.'),
        ("I weigh 80 kg.", "I lifted 100 kg today."),
        ("I weigh 80 kg.", "My goal is to weigh 75 kg."),
        ("My boss is Greta.", "My wife's boss is Rolf."),
        ("My boss is Greta.", "My boss is away."),
        ("I go to bed at 11 pm.", "I'm going to bed at 2 am tonight."),
        ("I support Rovers.", "I support the strike."),
        ("I have a cat.", "I have a dog now."),
        ("I'm Danish.", "My grandmother was Irish."),
    ],
)
def test_what_only_looks_like_a_change_ends_nothing(first, second):
    kept = {thought.id for thought in learned(first)}
    assert kept <= {thought.id for thought in learned(first, second)}
