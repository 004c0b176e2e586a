"""Scores of recall and of answers: by hand, and what must hold for any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethink.agents.evaluation.conversations import Question
from bethink.agents.evaluation.scores import (
    abstains,
    f1,
    holds,
    of_answer,
    of_recall,
    official_f1,
    rests_on,
    rouge_l,
    words,
)

TEXTS = st.text(alphabet="ab c的 dE", max_size=30)


def test_words_are_stemmed_without_articles_and_a_chinese_character_is_one():
    assert words("The dogs and a running cat's tail") == ["dog", "run", "cat", "tail"]
    assert words("北京 Beijing") == ["北", "京", "beij"]


def test_f1_by_hand():
    assert f1("a red bicycle", "the red bike") == pytest.approx(2 * 1 / 4)
    assert f1("red", "red") == 1
    assert f1("", "red") == 0
    assert f1("red red", "red") == pytest.approx(2 / 3), "a word counts as often as both have it"


def test_locomos_own_rules():
    assert official_f1("tennis, chess", "chess, tennis", "multi-hop") == 1
    assert official_f1("Likely yes", "Likely yes; she likes it", "open-domain") == 1
    assert official_f1("Likely yes", "Likely yes; she likes it", "single-hop") < 1


def test_rouge_is_of_the_longest_common_subsequence():
    assert rouge_l("x red y bicycle", "red bicycle") == pytest.approx(2 * 2 / 6)
    assert rouge_l("bicycle red", "red bicycle") == pytest.approx(2 * 1 / 4)


@given(TEXTS, TEXTS)
def test_scores_are_shares_and_symmetric(one, other):
    for score in (f1, rouge_l):
        assert 0 <= score(one, other) <= 1
        assert score(one, other) == pytest.approx(score(other, one))
        assert score(one, one) == float(bool(words(one)))
    assert rouge_l(one, other) <= f1(one, other) + 1e-12


def test_gold_in_a_text_by_whole_words():
    assert holds("She lives in Porto now.", "Porto")
    assert not holds("She lives in Portofino.", "Porto")
    assert not holds("anything", "the")


def test_recall_is_the_share_of_evidence_within_k():
    question = Question("?", None, "x", ("t1", "t2"))
    recalled = [("t9",)] * 4 + [("t1", "t3")] + [("t9",)] * 5 + [("t2",)]
    scores = of_recall(question, recalled, prompted=4)
    assert (scores["recall@5"], scores["recall@10"], scores["recall@20"]) == (0.5, 0.5, 1)
    assert (scores["any@5"], scores["any@prompt"]) == (1, 0)
    assert of_recall(Question("?", None, "x"), recalled, 4) == {}, "no evidence is no credit"


def test_answers_by_what_is_known_of_the_question():
    known = of_answer(Question("?", "Porto", "x"), "It is Porto.", [])
    assert known["holds_gold"] == 1
    assert known["false_abstention"] == 0
    assert of_answer(Question("?", None, "x", answerable=False), "Not mentioned.", []) == {"abstention": 1}
    assert of_answer(Question("Where?", None, "x"), "in Porto", ["Ana is in Porto"]) == {"rests_on_recalled": 1}


@pytest.mark.parametrize("answer", ["No information available.", "It is not mentioned.", "I don't know.", "不知道"])
def test_abstentions(answer):
    assert abstains(answer)
    assert not abstains("She knows Porto.")


def test_an_answer_rests_on_what_was_recalled():
    assert rests_on("She lives in Porto.", "Where does Maria live?", ["My sister Maria lives in Porto."])
    assert not rests_on("She lives in Berlin, a big city.", "Where does Maria live?", ["My sister lives in Porto."])
    assert not rests_on("", "Where?", ["Porto"])
