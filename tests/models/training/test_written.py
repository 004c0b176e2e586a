"""What was written one by one: right by the tools' own schemas and the memory's relations, and nothing of a test set."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from bethink.agents.energy_tool import energy_tool
from bethink.models.relations import known
from bethink.models.training.agent import SHARES, WRITTEN, write
from bethink.models.training.examples import read_examples
from bethink.models.training.written import SPLITS, TASKS, UNKNOWN, generate, lines, split_of
from bethink.tools import all_tools

TESTS = Path(__file__).parents[2] / "benchmarks" / "agent" / "data"


def plain(text: str) -> str:
    return re.sub(r"\W+", " ", text.casefold()).strip()


def test_calls_keep_to_the_schemas_of_the_tools():
    tools = [*all_tools(), energy_tool(None)]
    checks = {tool.name: jsonschema.validators.validator_for(schema := tool.input_schema())(schema) for tool in tools}
    for line in lines()["call"]:
        checks[line["tool"]].validate(line["arguments"])
    assert {line["tool"] for line in lines()["call"]} == set(checks)


def test_files_of_a_call_stand_in_what_was_said():
    for line in lines()["call"]:
        said = json.dumps([line["text"], line.get("notes"), line.get("history")], ensure_ascii=False)
        for argument in ("upload", "log"):
            assert line["arguments"].get(argument, "") in said, line


def test_what_is_to_be_remembered_stands_in_the_text_under_a_known_relation():
    for line in lines()["extract"]:
        for _, relation, thing, *day in line["triples"]:
            assert known(relation), line
            assert relation == "is" or thing == "dead" or thing.casefold() in line["text"].casefold(), line
            assert all(re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", each) for each in day), line
    assert 0.25 < sum(not line["triples"] for line in lines()["extract"]) / len(lines()["extract"]) < 0.6


def test_half_of_the_answers_do_not_know_and_say_so_in_the_same_words():
    said = [line["answer"] for line in lines()["answer"] if "answer" in line]
    assert 0.35 < 1 - len(said) / len(lines()["answer"]) < 0.65
    unsure = re.compile(
        r"(?:don.t|do not) know|no note|haven.t told|n.t mention|was mentioned|in (?:my|your) notes", re.I
    )
    assert not [answer for answer in said if unsure.search(answer)]
    answers = [example.answer for example in generate(400, 2, "train", ["answer"])]
    assert 0.3 < sum(answer == UNKNOWN for answer in answers) / len(answers) < 0.7


def test_decisions_name_an_old_thought():
    for line in lines()["decide"]:
        what, _, number = line["decision"].partition(" ")
        assert what in ("insert", "supersede", "merge", "forget")
        assert (not number) == (what == "insert")
        assert not number or 1 <= int(number) <= len(line["old"])


def test_an_old_thought_is_found_again_wherever_it_stands():
    """Old thoughts are shuffled; the number in the answer goes with them."""
    of = {(line["new"][1], line["old"][int(line["decision"].split()[1]) - 1][1]) for line in lines()["decide"]
          if " " in line["decision"]}  # fmt: skip
    for example in generate(200, 3, "train", ["decide"]):
        _, _, number = example.answer.partition(" ")
        new = re.search(r"New: \[.{10}\] (.*)", example.prompt)[1]
        if number:
            old = re.search(rf"^{number}\. \[.{{10}}\] (.*?)(?:<\|im_end\|>)?$", example.prompt, re.MULTILINE)[1]
            assert (new, old) in of


def test_nothing_of_the_test_sets_is_in_them():
    asked = set()
    for file in TESTS.glob("*.jsonl"):
        for row in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
            asked |= {plain(row[key]) for key in ("text", "question") if isinstance(row.get(key), str)}
            asked |= {plain(row["new"]["text"])} if isinstance(row.get("new"), dict) else set()
            asked |= {plain(turn["user"]) for turn in row.get("turns", ()) if "user" in turn}
    ours = {plain(line["text"]) for task in ("call", "talk", "extract") for line in lines()[task]}
    ours |= {plain(line["question"]) for line in lines()["answer"]} | {
        plain(line["new"][1]) for line in lines()["decide"]
    }
    assert len(asked) > 300
    assert not {text for text in asked & ours if len(text.split()) > 2}


def test_the_data_card_says_how_many_there_are():
    card = (Path(__file__).parents[3] / "docs" / "cards.md").read_text(encoding="utf-8")
    row = next(line for line in card.splitlines() if "training/written/data" in line)
    assert [int(n.replace(",", "")) for n in re.findall(r"[\d,]*\d", row.split("|")[2])] == [
        len(lines()[task]) for task in ("call", "talk", "answer", "extract", "decide")
    ]


def test_themes_are_in_one_split_and_lines_come_in_turn():
    assert {split_of(line["theme"]) for task in TASKS for line in lines()[task]} == set(SPLITS)
    for task in TASKS:
        held = {line["theme"] for line in lines()[task] if split_of(line["theme"]) == "validation"}
        assert held, task
    rows = sum(split_of(line["theme"]) == "train" for line in lines()["extract"])
    assert len({example.prompt for example in generate(rows, 1, "train", ["extract"])}) == rows


def test_the_same_seed_gives_the_same_examples():
    assert generate(30, 5, "train") == generate(30, 5, "train") != generate(30, 6, "train")
    assert [example.task for example in generate(5, 0, "validation")] == list(TASKS)


@pytest.mark.parametrize(("n", "split", "tasks"), [(-1, "train", TASKS), (1, "test", TASKS), (1, "train", ["report"])])
def test_bad_requests_are_refused(n, split, tasks):
    with pytest.raises(ValueError, match="Splits are"):
        generate(n, 0, split, tasks)


def test_the_trainings_files_hold_both_kinds(tmp_path):
    settings = write(tmp_path, 200, seed=1, held=2).read_text(encoding="utf-8")
    assert all(f'{task} = "{task}.train.jsonl"' in settings for task in SHARES)
    written = {plain(line["say"]) for line in lines()["talk"]}
    rows = read_examples(tmp_path / "talk.train.jsonl")
    assert len(rows) == round(200 * SHARES["talk"])
    share = sum(plain(row.answer) in written for row in rows) / len(rows)
    assert share == pytest.approx(WRITTEN["talk"], abs=0.15)
    tasks = {row.task for row in read_examples(tmp_path / "written.validation.jsonl")}
    assert tasks == {f"written {task}" for task in TASKS}
