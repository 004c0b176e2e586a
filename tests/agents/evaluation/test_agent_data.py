"""The agent's test sets are what their README says: real tools, valid arguments, spans of the text, no doubles."""

import json
import random
import re
from collections import Counter
from datetime import date
from pathlib import Path

import jsonschema
import pytest

from bethink.agents.evaluation.gvd import load_gvd
from bethink.tools import all_tools, find_tool

DATA = Path(__file__).parents[2] / "benchmarks" / "agent" / "data"
SETS = ("requests", "dialogues", "results", "thoughts", "decisions", "answers")
TOOLS = {tool.name: tool for tool in all_tools()}


def lines(name):
    return [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def calls():
    """(where, tool, arguments) of everything that is to be called."""
    for item in lines("requests"):
        if item["tool"] is not None:
            for arguments in (item["arguments"], *item.get("accept", [])):
                yield item["id"], item["tool"], arguments
    for item in lines("dialogues"):
        for turn in item["turns"]:
            if turn.get("call"):
                yield item["id"], turn["call"]["tool"], turn["call"]["arguments"]


@pytest.mark.parametrize("name", SETS)
def test_ids_are_told_apart_and_the_readme_counts_right(name):
    items = lines(name)
    assert len({item["id"] for item in items}) == len(items)
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    assert f"| `{name}.jsonl` | {len(items)} |" in readme


def test_the_readmes_other_counts_are_right():
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    needing = Counter(item["tool"] is not None for item in lines("requests"))
    assert f"{needing[True]} need a tool, {needing[False]} need none" in readme
    assert f"{sum('call' in turn for item in lines('dialogues') for turn in item['turns'])} turns" in readme
    optional = Counter(bool(each.get("optional")) for item in lines("thoughts") for each in item["thoughts"])
    assert f"{optional[False]} thoughts, {optional[True]} more" in readme
    empty = sum(all(each.get("optional") for each in item["thoughts"]) for item in lines("thoughts"))
    assert f"{empty} turns have nothing" in readme
    ops = Counter(item["decision"] for item in lines("decisions"))
    assert ", ".join(f"{ops[op]} {op}" for op in ("insert", "supersede", "merge", "forget")) in readme
    known = Counter("unknown" not in item for item in lines("answers"))
    assert f"{known[True]} that they answer, {known[False]} that they do not" in readme


def test_the_sets_are_as_big_as_they_should_be():
    requests = lines("requests")
    silent = sum(item["tool"] is None for item in requests)
    assert len(requests) >= 320
    assert silent >= 100
    by_tool = Counter(item["tool"] for item in requests)
    assert all(by_tool[name] >= 20 for name in TOOLS)
    used = Counter((item["tool"], name) for item in requests for name in item["arguments"])
    for tool in TOOLS.values():
        for name in tool.input_schema()["properties"]:
            assert used[tool.name, name] >= 2, (tool.name, name)
    assert len(lines("dialogues")) >= 30
    assert len(lines("results")) >= 40
    assert len(lines("decisions")) >= 150
    assert len(lines("answers")) >= 120


def test_calls_are_of_real_tools_and_valid():
    for where, name, arguments in calls():
        tool = TOOLS[name]
        jsonschema.validate(arguments, tool.input_schema())
        tool.Input.model_validate(arguments)
        properties = tool.input_schema()["properties"]
        assert [name for name in arguments if arguments[name] == properties[name].get("default")] == [], where


def test_free_arguments_are_given_and_their_words_are_the_users():
    for item in lines("requests"):
        if item["tool"] is None:
            assert item["arguments"] == {}
        for name in item.get("free", []):
            said = set(re.findall(r"\w+", item["text"].casefold()))
            told = set(re.findall(r"\w+", item["arguments"][name].casefold()))
            assert told <= said, (item["id"], told - said)
        assert ("taste" in item["arguments"] or "query" in item["arguments"]) == ("free" in item)


def test_files_titles_and_customers_are_as_the_user_wrote_them():
    for item in lines("requests"):
        for name in ("upload", "log", "customer"):
            assert str(item["arguments"].get(name, "")) in item["text"], item["id"]
        for name in ("liked", "disliked"):
            for title in item["arguments"].get(name, []):
                assert title in item["text"], item["id"]


def test_no_sentence_comes_twice_and_none_is_a_tools_own_example():
    texts = [item["text"] for item in lines("requests")]
    texts += [turn["user"] for item in lines("dialogues") for turn in item["turns"] if "user" in turn]
    plain = [" ".join(re.findall(r"\w+", text.casefold())) for text in texts]
    assert [text for text, count in Counter(plain).items() if count > 1] == []
    examples = {
        " ".join(re.findall(r"\w+", sentence.casefold())) for tool in TOOLS.values() for sentence, _ in tool.examples
    }
    assert not examples & set(plain)
    for name, key in (("decisions", lambda each: each["new"]["text"]), ("answers", lambda each: each["question"])):
        found = Counter(key(item) for item in lines(name))
        assert [text for text, count in found.items() if count > 1] == []


def test_dialogues_take_turns():
    for item in lines("dialogues"):
        turns = item["turns"]
        assert len(turns) >= 4
        for asked, answered in zip(turns[::2], turns[1::2], strict=True):
            assert set(asked) == {"user"}
            assert set(answered) == {"call", "say"}
            assert answered["say"].strip()


def numbers(value):
    """Every number in plain data, also in its texts and keys."""
    if isinstance(value, dict):
        return {each for key, inner in value.items() for each in numbers(key) | numbers(inner)}
    if isinstance(value, list):
        return {each for inner in value for each in numbers(inner)}
    if isinstance(value, bool) or value is None:
        return set()
    if isinstance(value, int | float):
        return {float(value)}
    return {float(each) for each in re.findall(r"\d+(?:\.\d+)?", value)}


def test_results_hold_their_numbers_and_are_no_longer_than_a_model_reads():
    for item in lines("results"):
        find_tool(all_tools(), item["tool"]).Input.model_validate(item["arguments"])
        text = json.dumps(item["result"], ensure_ascii=False)
        assert len(text.encode()) <= 8 * 1024
        assert "/tmp" not in text
        assert {float(each) for each in item["numbers_allowed"]} == numbers(item["result"])
        assert item["must_mention"]
        for alternatives in item["must_mention"]:
            for figure in (each for each in alternatives if re.fullmatch(r"-?\d+\.\d{2,}", each)):
                hundredth = round(float(figure) / 100, 6)
                assert {float(figure), hundredth} & set(item["numbers_allowed"]), (item["id"], figure)


def test_thoughts_are_of_the_turns_they_name():
    said = {exchange.id: exchange for dialogue in load_gvd() for exchange in dialogue.exchanges}
    for item in lines("thoughts"):
        exchange = said[item["turn"]]
        assert (item["text"], item["said"]) == (exchange.query, exchange.date)
        for each in item["thoughts"]:
            assert each["support"] in item["text"], item["id"]
            assert each["date"] is None or date.fromisoformat(each["date"])
            assert all(each[part] for part in ("subject", "relation", "object"))


def test_the_turns_were_drawn_by_chance_as_the_readme_says():
    every = [each for dialogue in load_gvd() for each in dialogue.exchanges if len(each.query.split()) >= 6]
    drawn = random.Random(20261127).sample(every, 60)
    assert [item["turn"] for item in lines("thoughts")] == [each.id for each in drawn]


def test_decisions_name_their_neighbours():
    for item in lines("decisions"):
        ids = [each["id"] for each in item["neighbours"]]
        assert 1 <= len(ids) <= 4
        assert len(set(ids)) == len(ids)
        assert set(item["which"]) <= set(ids)
        assert bool(item["which"]) == (item["decision"] != "insert")
        assert item["new"]["text"] not in [each["text"] for each in item["neighbours"]] or item["decision"] == "merge"
        for each in item["neighbours"]:
            assert date.fromisoformat(each["date"]) <= date.fromisoformat(item["new"]["date"]), item["id"]
    first = Counter(item["which"][0] for item in lines("decisions") if item["which"] and len(item["neighbours"]) > 1)
    assert first["a"] < 0.65 * sum(first.values()), "always the first neighbour would be right too often"


def test_answers_stand_in_the_thoughts_where_they_are_to_be_found():
    for item in lines("answers"):
        assert 2 <= len(item["recalled"]) <= 6
        assert [set(each) for each in item["recalled"]] == [{"id", "text", "score", "date"}] * len(item["recalled"])
        if item.get("unknown"):
            assert "answer" not in item
            assert "accept" not in item
            continue
        words = [rf"(?<!\w){re.escape(each)}(?!\w)" for each in item["accept"]]
        assert any(re.search(word, item["answer"], re.IGNORECASE) for word in words), item["id"]
