"""Facts of the speaker's own life, as the rule extractor reads them from Chinese."""

import pytest

from bethink.memory.extract import to_messages
from bethink.memory.rule_extract import RuleExtractor


def read(*texts):
    return RuleExtractor().extract(to_messages([{"role": "user", "content": t} for t in texts], timestamp="2024-05-01"))


def triples(text):
    return [(fact.subject, fact.relation, fact.object) for fact in read(text) if fact.relation]


@pytest.mark.parametrize(
    ("text", "triple"),
    [
        ("我叫王峰。", ("user", "name", "王峰")),
        ("你好，我是姚国栋！", ("user", "name", "姚国栋")),
        ("我住在上海。", ("user", "lives in", "上海")),
        ("我搬到北京了。", ("user", "lives in", "北京")),
        ("去年我从上海搬到了深圳。", ("user", "lives in", "深圳")),
        ("我姓王。", ("user", "surname", "王")),
        ("我是双鱼座。", ("user", "star sign", "双鱼座")),
        ("我儿子三岁了。", ("user's son", "age", "3")),
        ("我在一家医院当护士。", ("user", "works as", "护士")),
        ("我会说法语。", ("user", "speaks", "法语")),
        ("我把手机号换成13900139000了。", ("user", "phone number", "13900139000")),
        ("我是湖南人。", ("user", "is from", "湖南")),
        ("我老家在长沙。", ("user", "hometown", "长沙")),
        ("我今年25岁。", ("user", "age", "25")),
        ("我的生日是5月4日。", ("user", "birthday", "5月4日")),
        ("我1990年出生。", ("user", "birth date", "1990年")),
        ("我是一名医生。", ("user", "works as", "医生")),
        ("我在腾讯工作。", ("user", "works at", "腾讯")),
        ("我毕业于清华大学。", ("user", "graduated from", "清华大学")),
        ("我很喜欢爬山。", ("user", "likes", "爬山")),
        ("我不太喜欢喝咖啡。", ("user", "dislikes", "喝咖啡")),
        ("我最喜欢的颜色是蓝色。", ("user", "favourite 颜色", "蓝色")),
        ("我对海鲜过敏。", ("user", "allergic to", "海鲜")),
        ("我会弹钢琴。", ("user", "plays", "钢琴")),
        ("我最近在学习射击。", ("user", "learns", "射击")),
        ("我打算去日本旅游。", ("user", "plans to", "去日本旅游")),
        ("我的邮箱是a@b.cn。", ("user", "email", "a@b.cn")),
        ("我的血型是A型。", ("user", "blood type", "A型")),
        ("我的座右铭是天道酬勤。", ("user", "座右铭", "天道酬勤")),
        ("我妹妹叫小雨。", ("小雨", "is", "user's sister")),
        ("我妈妈对花生过敏。", ("user's mother", "allergic to", "花生")),
        ("我老公是一名工程师。", ("user's husband", "works as", "工程师")),
        ("我不住在上海了。", ("user", "not lives in", "上海")),
    ],
)
def test_a_fact_has_its_triple(text, triple):
    assert triples(text) == [triple]


@pytest.mark.parametrize(
    "text",
    [
        "我住在哪里？",
        "你知道我住在上海吗？",
        "我住在上海，对吗？",
        "如果我住在上海就好了。",
        "我可能会搬到深圳。",
        "朋友说我应该搬到深圳。",
        "我差点搬到深圳。",
        "他问：“我住在上海吗”",
        "我以前住在南京。",
        "我没有养猫。",
        "我最近在考虑找新工作。",
        "我喜欢这个。",
        "我老板不喜欢我。",
        "我在家里工作。",
        "谢谢你，我知道了。",
        "我也是。",
        "请告诉我上海在哪里。",
        "大家都住在上海。",
    ],
)
def test_what_is_no_claim_has_no_triple(text):
    assert triples(text) == []


def test_clauses_share_their_subject():
    assert triples("我叫李雪，今年30岁，住在杭州，你呢？") == [
        ("user", "name", "李雪"),
        ("user", "age", "30"),
        ("user", "lives in", "杭州"),
    ]
    assert triples("我妹妹叫小雨，她住在广州。") == [("小雨", "is", "user's sister"), ("小雨", "lives in", "广州")]
    assert triples("我养了一只猫，叫咪咪。") == [("user", "has", "一只猫"), ("咪咪", "is", "user's cat")]


def test_a_clause_is_a_sentence_of_its_own():
    assert [fact.text for fact in read("我今天很累，但是我住在杭州，喜欢爬山。")][-2:] == [
        "我住在杭州。",
        "我喜欢爬山。",
    ]
    assert [fact.text for fact in read("我妹妹叫小雨，她住在广州。")] == ["我妹妹叫小雨。", "小雨住在广州。"]


def test_what_says_that_it_is_new_is_marked():
    assert [read(text)[0].replaces for text in ("我住在上海。", "我现在住在上海。", "我搬到上海了。")] == [
        False,
        True,
        True,
    ]


def test_dates_are_resolved_against_the_message():
    (fact,) = read("我昨天搬到了北京。")
    assert (fact.text, fact.valid_at) == ("我昨天（2024年4月30日）搬到了北京。", "2024-04-30T00:00:00Z")
    (plan,) = read("我打算明年去日本。")
    assert (plan.valid_at, plan.metadata["when"]) == (None, "2025-01-01")


def test_statements_without_a_pattern_are_kept_and_small_talk_is_not():
    assert [(fact.text, fact.relation) for fact in read("我昨晚没睡好，头很疼。")] == [
        ("我昨晚（2024年4月30日）没睡好，头很疼。", None)
    ]
    assert read("我觉得很好。") == read("好的，我会考虑的。") == read("今天天气很好。") == []


def test_secrets_are_not_kept():
    assert read("我的密码是 password: hunter2secret99。") == []


def test_what_others_say_is_no_fact_of_the_user():
    told = to_messages([{"role": "assistant", "content": "我住在上海。"}])
    assert RuleExtractor().extract(told) == []


def test_chinese_and_english_take_each_others_place(memory):
    memory.add("I live in Porto.", user_id="u", timestamp="2024-05-01")
    memory.add("我搬到上海了。", user_id="u", timestamp="2024-06-01")
    changes = memory.add("我搬到北京了。", user_id="u", timestamp="2024-07-01")
    assert [(change.op, change.old) for change in changes] == [("supersede", "我搬到上海了。")]
    assert [thought.object for thought in memory.list(user_id="u")] == ["北京"]
    held = memory.search("我住在哪里？", user_id="u", as_of="2024-06-15")
    assert [hit.thought.object for hit in held] == ["上海"]


def test_a_taste_that_turned_ends_the_old_one(memory):
    for text in ("我喜欢喝茶。", "我喜欢喝咖啡。", "我不再喜欢喝茶了。"):
        memory.add(text, user_id="u")
    assert sorted((t.relation, t.object) for t in memory.list(user_id="u")) == [
        ("dislikes", "喝茶"),
        ("likes", "喝咖啡"),
    ]


@pytest.mark.parametrize(
    "piece",
    ["我喜欢", "《", "第一届奖、", "甲·", "的", "是，", "他是", "我有一个", "二十", "我叫王，", "1，", "“我", "导演是"],
)
def test_a_long_message_takes_seconds_at_most(piece):
    import time

    start = time.perf_counter()
    read(piece * (200_000 // len(piece)))
    assert time.perf_counter() - start < 10
