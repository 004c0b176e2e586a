"""A judge is tried with wrong answers first; people's labels come through a sheet."""

import csv

import pytest

from bethink.agents.evaluation.conversations import EvaluationError
from bethink.agents.evaluation.judge import accepted, controls, judge, prompt, trusted, verdict_of
from bethink.agents.evaluation.labels import label_sheet, read_labels
from bethink.agents.evaluation.runs import Row
from tests.agents.fakes import FakeChat


def row(number, gold, answer, kind="places"):
    detail = {
        "question": f"Where is thing {number}?", "gold": gold, "answer": answer, "answerable": True,
        "shown": 1, "recalled": [{"text": "=a note", "day": "2026-03-01", "turns": []}],
    }  # fmt: skip
    return Row("questions", f"a/{number}", "a", kind, detail=detail)


ROWS = [row(1, "Porto", "in Porto"), row(2, "Leeds", "in Paris"), row(3, "Bremen", "Bremen")]


def exact(text):
    """A judge that never errs on these: does the answer name the right one?"""
    gold = text.split("Right answer: ")[1].split("\n")[0]
    return gold in text.split("Answer to judge: ")[1].split("\n")[0]


def test_a_good_judge_is_trusted_and_judges():
    found = list(judge(ROWS, exact))
    assert [each.suite for each in found] == ["judge_control"] * 9 + ["judge"] * 3
    assert accepted(found) == {"right": 1, "specific": 0, "vague": 0}
    assert [each.scores["correct"] for each in found if each.suite == "judge"] == [1, 0, 1]


def test_a_judge_that_says_yes_is_refused_before_it_judges():
    found = list(judge(ROWS, lambda text: True))
    assert {each.suite for each in found} == {"judge_control"}
    assert not trusted(found)
    assert not trusted([])


def test_a_judge_that_says_no_is_refused_too():
    assert not trusted(list(judge(ROWS, lambda text: False)))


def test_a_judge_that_is_taken_in_by_one_sort_is_refused():
    assert not trusted(list(judge(ROWS, lambda text: exact(text) or "at some point" in text)))


def test_wrong_answers_share_no_word_with_the_right_one():
    for each in controls([*ROWS, row(4, "Porto and Leeds", "x")]):
        if each.kind == "specific":
            assert not set(each.detail["gold"].split()) & set(each.detail["answer"].split())
    assert controls([row(1, "Porto", "x"), row(2, "Leeds", "x", "other")])[2].kind == "right", (
        "no other of its kind, so none specific"
    )


def test_it_goes_on_where_it_stopped():
    before = list(judge(ROWS, exact))[:10]
    rest = list(judge(ROWS, exact, done={(each.suite, each.id) for each in before}, kept=before))
    assert [each.id for each in rest] == ["a/2", "a/3"]


def test_runs_without_answers_are_refused():
    with pytest.raises(EvaluationError, match="no answers to judge"):
        list(judge([row(1, "Porto", "")], exact))


def test_verdicts_of_a_model_without_a_grammar():
    model = FakeChat(script=["It is INCORRECT.", "CORRECT", "I cannot say", "Not WRONG but CORRECT"], seen=[])
    assert [verdict_of(model)(prompt("strict", "q", "g", "a")) for _ in range(4)] == [False, True, False, True]


@pytest.mark.slow
def test_the_small_model_judges_under_its_grammar(smollm2):
    verdict = verdict_of(smollm2)
    assert verdict(prompt("strict", "Where does Ana live?", "Porto", "Porto")) in (True, False)


def test_the_sheet_is_shuffled_inert_and_read_again(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(label_sheet(ROWS), encoding="utf-8")
    sheet = list(csv.DictReader(path.open(encoding="utf-8")))
    assert [line["id"] for line in sheet] != [each.id for each in ROWS]
    assert all(line["recalled"] == "'=a note" for line in sheet), "no cell is a formula"
    assert read_labels(path, ROWS) == []
    for line, correct in zip(sheet, ("1", "0,5", ""), strict=True):
        line["correctness"] = correct
    _write(path, sheet)
    found = read_labels(path, ROWS)
    assert [each.scores for each in found] == [{"correctness": 1.0}, {"correctness": 0.5}]


def _write(path, lines):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, lines[0])
        writer.writeheader()
        writer.writerows(lines)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [("correctness", "0.7", "0, 0.5, 1"), ("retrieval", "yes", "0, 1"), ("id", "zz", "no question of this run")],
)
def test_a_sheet_with_mistakes_is_refused(tmp_path, column, value, said):
    path = tmp_path / "labels.csv"
    path.write_text(label_sheet(ROWS), encoding="utf-8")
    sheet = list(csv.DictReader(path.open(encoding="utf-8")))
    sheet[1][column] = value
    _write(path, sheet)
    with pytest.raises(EvaluationError, match=f"Line .*{said}"):
        read_labels(path, ROWS)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EvaluationError, match="UTF-8"):
        read_labels(path, ROWS)
