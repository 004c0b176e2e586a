"""GVD in both languages, and the questions that name a day."""

import pytest

from bethink.agents.evaluation.conversations import EvaluationError
from bethink.agents.evaluation.gvd import load_gvd, named_day, recall_named_days


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_data_is_whole(language):
    dialogues = load_gvd(language=language)
    assert len(dialogues) == 15
    assert sum(len(dialogue.exchanges) for dialogue in dialogues) == 566
    assert sum(len(dialogue.questions) for dialogue in dialogues) == 100
    assert all(dialogue.questions for dialogue in dialogues)


def test_another_language_is_refused(tmp_path):
    with pytest.raises(EvaluationError, match="en, zh"):
        load_gvd(language="fr")
    with pytest.raises(EvaluationError, match="cannot be read"):
        load_gvd(tmp_path, "zh")


def test_a_chinese_day_is_read():
    (dialogue, *_) = load_gvd(language="zh")
    assert named_day("在4月27号这天，我在公园里跑了多久？", dialogue.exchanges) == "2023-04-27"
    assert named_day("我5月4日怎么样？", dialogue.exchanges) == "2023-05-04"
    assert named_day("你曾经给我推荐过哪些画家？", dialogue.exchanges) is None


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_question_that_names_a_day_recalls_that_day(language, fake_embedder):
    rows = recall_named_days(load_gvd(language=language)[:4], fake_embedder)
    assert len(rows) >= 5
    assert all(row.recalled for row in rows if row.talked)


def test_a_day_without_a_talk_is_told_apart(fake_embedder):
    john = next(dialogue for dialogue in load_gvd() if dialogue.user == "John Zhang")
    rows = {row.day: row for row in recall_named_days([john], fake_embedder)}
    assert (rows["2023-05-05"].talked, rows["2023-05-05"].recalled) == (False, 0)
    assert rows["2023-04-29"].talked
