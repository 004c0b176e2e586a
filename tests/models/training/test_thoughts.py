"""Properties of the made examples about thoughts: what an answer says stands in its prompt, and splits keep apart."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
from collections import Counter
from datetime import date

import pytest

from bethink.models.agent_prompts import CHAT
from bethink.models.relations import RELATIONS, known
from bethink.models.training.thoughts import SPLITS, TASKS, families, generate, split_of
from bethink.models.training.thoughts.draw import size
from bethink.models.training.thoughts.grammar import outcomes
from bethink.models.training.thoughts.phrases import book
from bethink.models.training.thoughts.values import kinds, values_for

_WORD = re.compile(r"[^\W_]+")
SMALL = frozenset(
    [
        "user",
        "s",
        "a",
        "an",
        "the",
        "of",
        "with",
        "at",
        "in",
        "on",
        "for",
        "to",
        "from",
        "and",
        "by",
        "into",
        "over",
        "dead",
    ]
)


def words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text)} - SMALL


BASE = {"go": "going", "move": "moving", "get": "getting", "meet": "meeting"}
"""The forms in the text of what is brought to its base form."""


def said(example) -> str:
    return example.prompt.split("<|im_start|>user\n", 1)[1].split("<|im_end|>", 1)[0]


@pytest.fixture(scope="module")
def examples():
    return {split: generate(1800, 7, split) for split in SPLITS}


def of(examples, task, *splits):
    return [one for split in splits or SPLITS for one in examples[split] if one.task == task]


def test_the_same_seed_gives_the_same_examples_and_another_gives_others():
    first = generate(90, 3, "train")
    assert first == generate(90, 3, "train")
    assert first[:30] == generate(30, 3, "train")
    assert len(set(first) & set(generate(90, 4, "train"))) <= 2


def test_families_of_the_splits_are_disjoint_and_many():
    by_split = {split: families(split) for split in SPLITS}
    for task, every in families().items():
        assert len(set(every)) == len(every) > 500, task
        parts = [set(by_split[split][task]) for split in SPLITS]
        assert sum(map(len, parts)) == len(set().union(*parts)) == len(every)
        assert all(split_of(name) == split for split in SPLITS for name in by_split[split][task])
        assert 0.72 < len(parts[0]) / len(every) < 0.88
    assert set(families()) == set(TASKS)


def test_hardly_an_example_comes_twice_or_in_two_splits(examples):
    prompts = [one.prompt for split in SPLITS for one in examples[split]]
    assert len(set(prompts)) > 0.99 * len(prompts)
    for one in SPLITS:
        assert len({each.prompt for each in examples[one]}) > 0.99 * len(examples[one])


def test_tasks_come_in_turn(examples):
    assert Counter(one.task for one in examples["train"]) == dict.fromkeys(TASKS, 600)
    with pytest.raises(ValueError, match="split"):
        generate(1, 0, "dev")
    with pytest.raises(ValueError, match="task"):
        generate(1, 0, "train", ["call"])
    with pytest.raises(ValueError, match="negative"):
        generate(-1, 0, "train")


def test_no_notation_is_left(examples):
    for split in SPLITS:
        for one in examples[split]:
            text = said(one) + " " + re.sub(r"[\[\]]", "", one.answer)
            assert not re.search(r"[$~|{}<>](?![^\n]*[ ]?)|\$|~|##|<\w+>", text.replace("\n> ", "\n")), text
            assert "  " not in text
            assert not re.search(r"\b[Aa] [aeiouAEIO](?!ne|u|ni)\w", re.sub(r"[\"“]", "", one.answer)), one.answer


def test_a_triple_says_only_what_stands_in_the_turn(examples):
    for one in of(examples, "extract"):
        text = said(one)
        there = words(text)
        for triple in json.loads(one.answer):
            subject, relation, value, *day = triple
            assert {BASE.get(w, w) if w not in there else w for w in words(value)} <= there, (value, text)
            assert words(subject) <= there, (subject, text)
            assert subject == "user" or subject.startswith("user's ") or subject[0].isupper()
            assert known(relation)
            assert not re.match(r"(?:a|an|the|my|his|her) ", value)
            assert len(day) <= 1


def test_days_are_as_exact_as_the_text(examples):
    days = Counter()
    for one in of(examples, "extract"):
        said_on = date.fromisoformat(said(one)[5:15])
        for triple in json.loads(one.answer):
            for day in triple[3:]:
                assert re.fullmatch(r"\d{4}(?:-\d\d(?:-\d\d)?)?", day)
                parts = [int(part) for part in day.split("-")]
                date(*[*parts, 1, 1][:3])
                assert abs(parts[0] - said_on.year) <= 16
                days[len(parts)] += 1
                text = said(one).lower()
                if "yesterday" in text and text.count("yesterday") == 1 and len(parts) == 3 and "ago" not in text:
                    assert (said_on - date(*parts)).days < 2000
    assert all(days[length] > 20 for length in (1, 2, 3))


def test_many_turns_tell_nothing(examples):
    answers = [json.loads(one.answer) for one in of(examples, "extract")]
    assert 0.33 < sum(not each for each in answers) / len(answers) < 0.48
    assert max(map(len, answers)) >= 4
    subjects = Counter("user" if t[0] == "user" else "other" for each in answers for t in each)
    assert subjects["other"] > 0.2 * subjects["user"]


def test_every_relation_of_the_tables_is_listed_and_learnt():
    told = {split: set() for split in SPLITS}
    for group in book().groups.values():
        for phrase in group:
            for triple in phrase.tells:
                told[split_of(phrase.family)].add(triple[1])
    every = set().union(*told.values())
    assert all(known(relation) for relation in every)
    assert every <= told["train"]
    assert {relation for relation in RELATIONS if relation not in every} <= {"eats", "ran"} | {
        r for r in RELATIONS if f"not {r}" in every
    }


def test_decisions_name_an_old_thought_and_are_balanced(examples):
    kinds = Counter()
    places = Counter()
    for one in of(examples, "decide"):
        what, _, number = one.answer.partition(" ")
        lines = said(one).splitlines()
        assert lines[0].startswith("New: [")
        assert 1 <= len(lines) - 1 <= 4
        assert all(re.match(rf"{at}\. \[\d{{4}}-\d\d-\d\d\] \S", line) for at, line in enumerate(lines[1:], 1))
        assert (number == "") == (what == "insert")
        if number:
            assert 1 <= int(number) < len(lines)
            places[int(number)] += 1
        kinds[what] += 1
        assert all(old[3:13] <= lines[0][6:16] for old in (line.replace(". [", ".[") for line in lines[1:]))
    total = sum(kinds.values())
    assert set(kinds) == {"insert", "supersede", "merge", "forget"}
    assert all(0.12 < count / total < 0.42 for count in kinds.values())
    assert all(places[at] > 20 for at in (1, 2, 3))


def test_answers_rest_on_the_notes(examples):
    unknown = 0
    for one in of(examples, "answer"):
        text = said(one)
        notes, _, question = text.rpartition("\n\n")
        if re.fullmatch(r"I don't know .+; you haven't told me\.", one.answer):
            unknown += 1
            continue
        months = "January February March April May June July August September October November December"
        free = words(months) | words(
            "yes no your you live lives are is have has called two three four five 2 days ago i in on"
        )
        there = words(notes) | words(question)
        stems = {word[:4] for word in there}
        names = {word for word in words(one.answer) - free if word[:4] not in stems}
        there |= {re.sub(r"(?<=\d)(?:st|nd|rd|th)$", "", word).lstrip("0") for word in there}
        listed = {w for w in names - there if any(c.isdigit() for c in w)}
        assert (
            not {w for w in names if w.isalpha() and w.title() in one.answer and w.title() != one.answer.split()[0]}
            - _VERBS
        ), (
            one.answer,
            text,
        )
        assert not listed or "days ago" in one.answer, (one.answer, text)
    total = len(of(examples, "answer"))
    assert 0.44 < unknown / total < 0.62


_VERBS = words("Your You")


def test_notes_are_written_as_the_chat_writes_them(examples):
    for one in of(examples, "answer"):
        lines = [line for line in said(one).splitlines() if line.startswith("> ")]
        assert len(lines) <= 6
        assert all(re.search(r" \[\d{4}-\d\d-\d\d, [0-9a-f]{8}\]$", line) for line in lines)
        assert "track_state" in one.prompt or one.prompt.startswith(f"<|im_start|>system\n{CHAT}<|im_end|>")
        assert "BANANA" not in one.answer


def test_some_answers_are_given_where_no_tool_is_offered(examples):
    answers = of(examples, "answer")
    bare = sum("track_state" not in one.prompt for one in answers) / len(answers)
    assert 0.2 < bare < 0.3


def test_most_families_have_many_outcomes():
    counts = sorted(outcomes(phrase.node, size) for group in book().groups.values() for phrase in group)
    assert counts[len(counts) // 2] >= 25
    assert sum(counts) > 1_000_000


def test_some_values_are_kept_from_training():
    kept = 0
    for kind in kinds():
        train, test = set(values_for(kind, "train")), set(values_for(kind, "test"))
        assert train <= test
        kept += len(test - train)
        assert len(test - train) <= max(2, 0.45 * len(test)), kind
    assert kept > 100


def test_another_process_makes_the_same():
    code = "import hashlib; from bethink.models.training.thoughts import generate as g; "
    code += "print(hashlib.sha256(repr(g(150, 5, 'test')).encode()).hexdigest())"
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True
        )
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout


def test_the_tools_of_the_system_message_can_be_given():
    one = generate(1, 0, "train", ["answer"], tools=("weigh", "measure"))[0]
    assert "weigh, measure." in one.prompt


def test_lengths(examples, tiny_base):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    every = [one for split in SPLITS for one in examples[split]]
    lengths = [len(ids) for ids in tokenizer([one.prompt + one.answer for one in every])["input_ids"]]
    assert max(lengths) < 400
    assert 60 < statistics.median(lengths) < 250
