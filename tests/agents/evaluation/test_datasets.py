"""Sets by name, one's own file, LongMemEval as it was published, GVD with what its questions name."""

import json

import pytest

from bethink.agents.evaluation.conversations import EvaluationError
from bethink.agents.evaluation.datasets import DAY, SETS, TOPIC, load
from bethink.agents.evaluation.gvd import load_gvd, named_day, on_topic, topic
from bethink.agents.evaluation.longmemeval import load_longmemeval
from tests.agents.evaluation.small import ANA, BEN, small


def test_ones_own_file_with_ids_told_apart(tmp_path):
    ana, ben = small(tmp_path)
    assert [turn.id for turn in ana.turns] == ["ana/1", "ana/2", "ana/3", "ana/4"]
    assert ana.questions[0].evidence == ("ana/1",)
    assert ana.thoughts[0].sources == ("ana/1",)
    assert not ana.questions[3].answerable
    assert ben.questions[0].evidence == ("ben/1",)


def test_json_lines_are_read_too(tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(json.dumps(each) for each in (ANA, BEN)), encoding="utf-8")
    assert [each.id for each in load(str(path))] == ["ana", "ben"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "cannot be read"),
        ("[1]", "Conversation 1"),
        (json.dumps([ANA, {"id": "x"}]), "Conversation 2"),
        (json.dumps([ANA, ANA]), "same id"),
        (json.dumps({"id": "x", "turns": [{"id": "1"}], "questions": []}), "Conversation 1"),
        (json.dumps({"id": "x", "turns": [], "questions": []}), "asks no question"),
        (json.dumps({**ANA, "id": " "}), "id is empty"),
        (json.dumps({**ANA, "turns": [{**ANA["turns"][0], "text": 3}]}), "text must be a text"),
        (json.dumps({**ANA, "turns": [{**ANA["turns"][0], "at": "yesterday"}]}), "yesterday"),
        (json.dumps({**ANA, "questions": [{"text": "?", "evidence": [1]}]}), "must be a text"),
    ],
)
def test_a_bad_file_is_named(tmp_path, body, said):
    path = tmp_path / "mine.json"
    path.write_text(body, encoding="utf-8")
    with pytest.raises(EvaluationError, match=said):
        load(str(path))


def test_unknown_sets_and_absent_folders_are_named(monkeypatch, tmp_path):
    monkeypatch.delenv("BETHINK_DIALOGUE_DATA", raising=False)
    with pytest.raises(EvaluationError, match="gvd"):
        load("nosuch")
    for name in set(SETS) - {"gvd", "gvd-zh"}:
        with pytest.raises(EvaluationError, match="BETHINK_DIALOGUE_DATA"):
            load(name)
    monkeypatch.setenv("BETHINK_DIALOGUE_DATA", str(tmp_path))
    with pytest.raises(EvaluationError, match="longmemeval"):
        load("longmemeval")


def _longmemeval():
    said = [{"role": "user", "content": "I adopted a cat."}, {"role": "assistant", "content": "Lovely!"}]
    other = [{"role": "user", "content": "It is raining."}]
    item = {
        "question_id": "q1",
        "question_type": "single-session-user",
        "question": "Which pet did I adopt?",
        "answer": "a cat",
        "question_date": "2023/05/30 (Tue) 23:40",
        "haystack_dates": ["2023/05/20 (Sat) 02:21", "2023/05/21 (Sun) 02:21"],
        "haystack_session_ids": ["s1", "s2"],
        "haystack_sessions": [said, other],
        "answer_session_ids": ["s1"],
    }
    marked = [{**said[0], "has_answer": True}, said[1]]
    return [
        item,
        {**item, "question_id": "q2", "haystack_sessions": [marked, other]},
        {**item, "question_id": "q3_abs", "answer": "You did not say."},
    ]


def test_longmemeval_is_read(tmp_path, monkeypatch):
    path = tmp_path / "longmemeval_s.json"
    path.write_text(json.dumps(_longmemeval()), encoding="utf-8")
    whole, marked, absent = load_longmemeval(path)
    assert whole.questions[0].evidence == ("0:s1:0", "0:s1:1")
    assert marked.questions[0].evidence == ("0:s1:0",)
    assert absent.questions[0].evidence == ()
    assert not absent.questions[0].answerable
    assert whole.turns[0].at == "2023-05-20T02:21:00Z"
    assert whole.questions[0].at == "2023-05-30T23:40:00Z"
    monkeypatch.setenv("BETHINK_DIALOGUE_DATA", str(tmp_path))
    assert load("longmemeval")[1].questions[0].evidence == ("q2/0:s1:0",)
    path.write_text('[{"question_id": "x"}]', encoding="utf-8")
    with pytest.raises(EvaluationError, match="not LongMemEval"):
        load("longmemeval")


def test_kdconv_is_asked_for_what_its_turns_state(tmp_path, monkeypatch):
    said = {"name": "红楼梦", "attrname": "导演", "attrvalue": "王扶林"}
    silent = {"name": "红楼梦", "attrname": "评分", "attrvalue": "9.7"}
    talk = {"name": "红楼梦", "messages": [{"message": "你好"}, {"message": "导演是王扶林。", "attrs": [said, silent]}]}
    (tmp_path / "kdconv_film_test.json").write_text(json.dumps([talk]), encoding="utf-8")
    monkeypatch.setenv("BETHINK_DIALOGUE_DATA", str(tmp_path))
    (conversation,) = load("kdconv")
    (question,) = conversation.questions
    assert (question.text, question.answer) == ("红楼梦的导演是什么？", "王扶林")
    assert question.evidence == ("film-1/1",)
    assert [turn.speaker for turn in conversation.turns] == ["甲", "乙"]


def test_gvd_is_whole_and_its_questions_name_days_or_topics():
    conversations = load("gvd")
    questions = [question for each in conversations for question in each.questions]
    assert (len(conversations), len(questions)) == (15, 100)
    assert sum(len(each.turns) for each in conversations) == 2 * 566
    days = [question for question in questions if question.kind == DAY]
    assert len(days) == 35
    assert sum(bool(question.evidence) for question in days) == 34, "one names a day without a talk"
    assert {question.kind for question in questions} == {DAY, TOPIC}
    day = next(question for question in days if question.evidence)
    assert len({turn.split("/")[2] for turn in day.evidence}) == 1


def test_gvd_is_there_in_chinese():
    conversations = load("gvd-zh")
    questions = [question for each in conversations for question in each.questions]
    assert (len(conversations), len(questions)) == (15, 100)
    assert any(question.kind == DAY and question.evidence for question in questions)


def test_what_a_question_names():
    emily = load_gvd()[0]
    assert named_day("I mentioned on May 2nd that I went to the museum.", emily.exchanges) == "2023-05-02"
    assert named_day("On April 27th, how long did I run?", emily.exchanges) == "2023-04-27"
    assert named_day("What painters did you recommend to me?", emily.exchanges) is None
    assert topic("What painters did you recommend to me?") == topic("Which painter did you mention?")
    assert on_topic("What painters did you recommend?", "I like the painter Monet.")
    assert not on_topic("What painters did you recommend?", "I like tea.")


def test_gvd_files_that_are_not_there(tmp_path):
    with pytest.raises(EvaluationError, match="cannot be read"):
        load_gvd(tmp_path)
