"""Facts about things, as the rule extractor reads them from a Chinese talk."""

import pytest

from bethink.memory.chinese import is_chinese
from bethink.memory.chinese.text import sentences
from bethink.memory.extract import to_messages
from bethink.memory.rule_extract import RuleExtractor


def facts(*texts, roles=("user",)):
    messages = [{"role": roles[i % len(roles)], "content": text} for i, text in enumerate(texts)]
    return RuleExtractor().extract(to_messages(messages))


def triples(*texts, roles=("user",)):
    return [(fact.subject, fact.relation, fact.object) for fact in facts(*texts, roles=roles) if fact.relation]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("《大河》的导演是张文静。", [("大河", "导演", "张文静")]),
        ("《大河》是张文静导演的。", [("大河", "导演", "张文静")]),
        ("《大河》是由李安、约翰·史密斯联合执导的。", [("大河", "导演", "李安"), ("大河", "导演", "约翰·史密斯")]),
        ("《大河》是2011年7月2日上映的。", [("大河", "上映时间", "2011年7月2日")]),
        ("《大河》这部电影片长121分钟。", [("大河", "片长", "121分钟")]),
        ("《大河》的票房是3.5亿美元。", [("大河", "票房", "3.5亿美元")]),
    ],
)
def test_one_sentence_about_a_film(text, expected):
    assert triples(text) == expected


def test_what_the_talk_is_about_is_carried():
    assert triples("看过《大河》吗？", "它的主演是约翰·史密斯和陈红。", "他是一名演员，导演。") == [
        ("大河", "主演", "约翰·史密斯"),
        ("大河", "主演", "陈红"),
        ("约翰·史密斯", "职业", "演员"),
        ("约翰·史密斯", "职业", "导演"),
    ]


def test_an_answer_is_read_by_its_question():
    assert triples("你知道《大河》是哪年上映的吗？", "2011年7月2日。", "导演是谁啊？", "是约翰·史密斯。") == [
        ("大河", "上映时间", "2011年7月2日"),
        ("大河", "导演", "约翰·史密斯"),
    ]


def test_a_person_is_told_of():
    found = triples("你知道约翰·史密斯吗？", "他出生于1956年11月8日，毕业于牛津大学。", "他获得过第5届金山奖最佳导演。")
    assert found == [
        ("约翰·史密斯", "出生日期", "1956年11月8日"),
        ("约翰·史密斯", "毕业院校", "牛津大学"),
        ("约翰·史密斯", "主要成就", "第5届金山奖最佳导演"),
    ]


def test_any_noun_may_be_an_attribute():
    assert triples("约翰·史密斯是一名演员。", "他的第二任妻子是玛丽·琼斯。")[-1] == (
        "约翰·史密斯",
        "第二任妻子",
        "玛丽·琼斯",
    )


def test_a_question_claims_nothing():
    assert triples("《大河》的导演是张文静吗？", "《大河》的导演是谁？", "《大河》的导演是张文静，对吗？") == []


def test_the_other_side_tells_what_the_talk_is_about_but_no_facts():
    found = triples("《大河》的导演是张文静。", "它是2011年上映的。", roles=("assistant", "user"))
    assert found == [("大河", "上映时间", "2011年")]


def test_the_speakers_people_are_not_the_people_of_the_talk():
    found = triples("《大河》的导演是张文静。", "我妹妹叫小雨，她是一名歌手。")
    assert found[1:] == [("小雨", "is", "user's sister"), ("小雨", "works as", "歌手")]


def test_a_fact_names_its_thing_in_its_text():
    assert [fact.text for fact in facts("看过《大河》吗？", "2011年上映的。")] == ["大河的上映时间是2011年。"]


def test_nothing_is_said_of_nothing():
    assert triples("导演是张文静。", "2011年上映的。", "片长90分钟。") == []


@pytest.mark.parametrize(
    ("text", "chinese"),
    [
        ("我住在上海。", True),
        ("我在 Google 工作", True),
        ("我叫John Smith", True),
        ("I love 北京烤鸭", False),
        ("北京烤鸭", True),
        ("I live in 上海 now, near the river.", False),
        ("私はサッカーが好きです", False),
        ("I live here.", False),
        ("", False),
    ],
)
def test_which_texts_are_chinese(text, chinese):
    assert is_chinese(text) == chinese


def test_clauses_are_cut_at_commas_that_are_not_in_numbers_or_titles():
    ((first, second),) = sentences("票房1,234,567元，《你好，再见》很好看。")
    assert (first.text, second.text) == ("票房1,234,567元", "《你好，再见》很好看")
    ((claim, question),) = sentences("我叫李雪，你呢？")
    assert (claim.asks, question.asks) == (False, True)
