"""Calls of tools, judged: what counts as right, how the model is asked, and both kinds of files."""

import json
import threading
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from bethink.agents.agent import LAST_MESSAGES, Agent
from bethink.agents.evaluation.conversations import EvaluationError
from bethink.agents.evaluation.runs import Run
from bethink.agents.evaluation.tool_calls import NO_TOOL, Asker, by_tag, by_tool, evaluate, evenly, figures
from bethink.agents.evaluation.tool_data import Case, Expected, load_cases
from bethink.agents.evaluation.tool_scores import Call, differences, same, scores_of
from bethink.memory import ThoughtMemory
from bethink.models.engine import ContextOverflowError
from bethink.tools import all_tools
from tests.agents.fakes import FakeChat
from tests.fake_chat import calls, scripted, texts

DATA = Path(__file__).parents[2] / "benchmarks" / "agent" / "data"
TOOLS = all_tools()
ALLOCATE = Asker(scripted(), TOOLS, None).defaults(Case("x", "x", (("user", "x"),), "allocate_budget"))
LINES = [
    {"id": "r1", "text": "Coupons for 5000 €", "tool": "allocate_budget", "arguments": {"budget": 5000, "currency": "EUR"}, "tags": ["money"]},
    {"id": "r2", "text": "Good morning!", "tool": None, "tags": ["chat"]},
    {"id": "d1", "tags": ["chat"], "turns": [
        {"user": "Track Lorenz-96."}, {"call": {"tool": "track_state", "arguments": {"system": "lorenz96"}}, "say": "Tracked."},
        {"user": "Thanks"}, {"call": None, "say": "Any time."},
        {"user": "50 members"}, {"call": {"tool": "track_state", "arguments": {"system": "lorenz96", "members": 50}}},
    ]},
]  # fmt: skip
RIGHT = (
    calls("allocate_budget", {"budget": 5000.0, "currency": "€", "guarantee": "expected"}),
    AIMessage("Good morning!"),
    calls("track_state", {"system": "Lorenz96"}),
    AIMessage("My pleasure."),
    calls("track_state", {"system": "lorenz96", "members": 50}),
)


def write(path, *lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def cases(tmp_path):
    return load_cases(write(tmp_path / "small.jsonl", *LINES), TOOLS)


def asker(*script, embedder=None):
    return Asker(scripted(*script), TOOLS, embedder)


def case(tool="allocate_budget", *right, said="Coupons for 5000", free=()):
    expected = tuple(Expected({name: (value,) for name, value in each.items()}) for each in right)
    return Case("x", "x", (("user", said),), tool, expected, free=frozenset(free))


def test_right_calls_and_silence_score_in_full(cases):
    rows = list(evaluate(cases, asker(*RIGHT)))
    assert [row.id for row in rows] == ["small/r1", "small/r2", "small/d1/1", "small/d1/2", "small/d1/3"]
    assert [row.scores["right"] for row in rows] == [1.0] * 5
    assert [row.kind for row in rows] == ["allocate_budget", NO_TOOL, "track_state", NO_TOOL, "track_state"]
    assert {row.group for row in rows[2:]} == {"small/d1"}
    assert rows[0].scores == {
        "tool": 1.0, "unparsable": 0.0, "called": 1.0, "arguments": 1.0, "right": 1.0, "invented": 0.0, "valid": 1.0
    }  # fmt: skip
    assert rows[1].scores == {"tool": 1.0, "unparsable": 0.0, "silent": 1.0, "right": 1.0}


def test_what_is_wrong_is_told(cases):
    script = (
        calls("allocate_budget", {"budget": 500, "seed": 3}),
        calls("recommend", {}),
        AIMessage("I would love to."),
        AIMessage('<tool_call>{"name": "track_st'),
        calls("track_state", {"system": "lorenz96", "members": 50, "cycles": 0}),
    )
    one, two, three, four, five = evaluate(cases, asker(*script))
    assert (one.scores["tool"], one.scores["arguments"], one.scores["invented"]) == (1, 0, 1)
    assert (one.detail["wrong"], one.detail["missing"], one.detail["invented"]) == (["budget"], ["currency"], ["seed"])
    assert two.scores == {"tool": 0, "unparsable": 0, "silent": 0, "right": 0, "valid": 1}
    assert (three.scores["tool"], three.scores["called"], three.scores["right"]) == (0, 0, 0)
    assert "invented" not in three.scores
    assert (four.scores["unparsable"], four.scores["silent"]) == (1, 0)
    assert (five.scores["valid"], five.scores["arguments"]) == (0, 0), "cycles must be at least 1"
    found = figures([one, two, three, four, five])
    assert found["mistakes"]["allocate_budget, seed: invented"] == 1
    assert found["scores"]["right"]["mean"] == 0
    assert found["scores"]["called"]["count"] == 3


def test_two_calls_are_not_right(cases):
    both = AIMessage("", tool_calls=[*RIGHT[0].tool_calls, *RIGHT[2].tool_calls])
    (row, *_) = evaluate(cases[:1], asker(both))
    assert (row.scores["tool"], row.scores["right"], len(row.detail["calls"])) == (0, 0, 2)


@pytest.mark.parametrize(
    ("value", "wanted", "is_same"),
    [
        (5, 5.0, True), (5, 5.1, False), (0.1 + 0.2, 0.3, True), (1, True, False), (True, True, True), ("5", 5, False),
        (" Robust ", "robust", True), ("robust", "enkf", False), (["enkf", "robust"], ["robust", "enkf"], True),
        (["enkf", "enkf"], ["robust", "enkf"], False), ([1, 2], [2, 1.0], True), ([1], [1, 1], False),
        ([{"a": 1}, {"b": 2}], [{"b": 2}, {"a": 1}], False), ({"a": 1, "b": None}, {"a": 1.0}, True),
        ({"a": 1}, {"b": 1}, False), (None, None, True), (None, 0, False),
    ],
)  # fmt: skip
def test_what_is_the_same(value, wanted, is_same):
    assert same(value, wanted) is is_same


def test_lists_of_the_leaderboard_are_in_order_and_its_texts_loose():
    assert not same([1, 2], [2, 1], loose=True)
    assert same("New-York, NY", "new york ny", loose=True)
    assert not same("New-York, NY", "new york ny")


def test_defaults_spelt_out_and_nulls_count_as_left_out():
    wanted = case("allocate_budget", {"budget": 5000})
    assert differences(wanted, {"budget": 5000, "alpha": 0.05, "upload": None, "constraints": []}, ALLOCATE).count == 0
    assert differences(wanted, {"budget": 5000, "alpha": 0.01}, ALLOCATE).invented == ("alpha",)
    assert differences(case("allocate_budget", {"seed": 0, "budget": 1}), {"budget": 1}, ALLOCATE).count == 0


def test_any_accepted_object_will_do_and_the_nearest_is_held_against():
    wanted = case("allocate_budget", {"budget": 1}, {"budget": 2, "seed": 7})
    assert differences(wanted, {"budget": 2, "seed": 7}, {}).count == 0
    assert differences(wanted, {"budget": 2, "seed": 8}, {}).wrong == ("seed",)


@pytest.mark.parametrize(
    ("said", "label", "text", "right"),
    [
        ("Look for books about a shipwreck.", "shipwreck", "a shipwreck", True),
        ("Look for books about a shipwreck.", "shipwreck", "books about a shipwreck", True),
        ("Look for books about a shipwreck.", "shipwreck", "pirates and a shipwreck", False),
        ("Look for books about a shipwreck.", "shipwreck", "books", False),
        ("something quick, not spicy please", "quick, not spicy", "quick and nothing spicy", True),
        ("something quick, not spicy please", "quick, not spicy", "quick, spicy", False),
        ("something quick please", "quick", "not quick", False),
        ("one two three four five six seven", "one", "one two three four five six", False),
    ],
)
def test_free_wording_holds_the_words_and_adds_none_of_its_own(said, label, text, right):
    wanted = case("recommend", {"taste": label}, said=said, free=["taste"])
    assert (differences(wanted, {"taste": text}, {}).count == 0) is right
    assert differences(case("recommend", {"taste": label}, said=said), {"taste": text}, {}).count == 1 or label == text


def test_currencies_and_domains_are_as_the_tools_read_them():
    assert differences(case("x", {"currency": "USD"}), {"currency": "dollars"}, {}).count == 0
    assert differences(case("x", {"currency": "USD"}), {"currency": "euros"}, {}).count == 1
    assert differences(case("x", {"domain": "films"}), {"domain": "Film"}, {}).count == 0
    assert differences(case("x", {"domain": "films"}), {"domain": "books"}, {}).count == 1


def test_nothing_called_is_right_only_where_nothing_should_be():
    assert scores_of(case(None), [], False, {})["silent"] == 1
    assert scores_of(case(None), [], True, {})["silent"] == 0
    assert scores_of(case("a", {}), [], False, {})["called"] == 0
    assert scores_of(case("a", {}), [Call("a", {})], False, {})["right"] == 1


def test_the_history_goes_along_but_no_more_than_the_agent_shows(tmp_path):
    turns = [
        each for n in range(5) for each in ({"user": f"Question {n}"}, {"call": None, "say": f"Answer {n}"})
    ]  # fmt: skip
    found = load_cases(write(tmp_path / "long.jsonl", {"id": "d", "turns": turns}), TOOLS)
    one = asker(*[AIMessage("Yes.")] * 5)
    list(evaluate(found, one))
    assert texts(one.model.seen[1][1:]) == ["Question 0", "Answer 0", "Question 1"]
    assert len(one.model.seen[-1]) == 1 + LAST_MESSAGES + 1
    assert texts(one.model.seen[-1])[1:3] == ["Question 1", "Answer 1"]


def test_calls_that_were_right_go_along_with_what_was_then_said(tmp_path):
    call = {"tool": "allocate_budget", "arguments": {"budget": 5000}}
    turns = [
        {"user": "Coupons for 5000."},
        {"call": call, "say": "Here."},
        {"user": "6000?"},
        {"call": call, "say": "."},
    ]
    found = load_cases(write(tmp_path / "d.jsonl", {"id": "d", "turns": turns}), TOOLS)
    one = asker(AIMessage("Yes."), AIMessage("Yes."))
    list(evaluate(found, one))
    told = one.model.seen[-1][1:]
    assert [message.type for message in told] == ["human", "ai", "tool", "ai", "human"]
    assert told[1].tool_calls[0]["args"] == {"budget": 5000}
    assert texts(told)[2:] == ['{"summary": "Here."}', "Here.", "6000?"]


def test_the_model_is_asked_exactly_as_the_agent_asks_it(tmp_path, fake_embedder):
    model = scripted(AIMessage("Hello."))
    agent = Agent(model, ThoughtMemory(tmp_path / "memory", fake_embedder), fake_embedder, TOOLS, tmp_path)
    thread = agent.threads.create("ana").id
    list(agent.stream("Good morning!", user_id="ana", thread_id=thread))
    agent.close()
    asked, bound = model.seen[0], list(model.bound)
    other = asker(AIMessage("Hello."), embedder=fake_embedder)
    other.ask(case(None, said="Good morning!"), threading.Event())
    assert [(type(each), each.content) for each in other.model.seen[0]] == [(type(e), e.content) for e in asked]
    assert other.model.bound == bound == [*(tool.name for tool in TOOLS), "energy_report"]


def test_a_command_is_read_as_the_agent_reads_it():
    one = asker()
    answer = one.ask(case("track_state", said='/track_state {"members": 20}'), threading.Event())
    assert (answer.tool_calls[0]["name"], answer.tool_calls[0]["args"]) == ("track_state", {"members": 20})
    assert one.model.seen == []


def test_no_tool_runs(cases, monkeypatch):
    def boom(*arguments, **more):
        raise AssertionError("a tool ran")

    monkeypatch.setattr("bethink.tools.langchain.call_tool", boom)
    assert [row.scores["right"] for row in evaluate(cases, asker(*RIGHT))] == [1.0] * 5


def test_a_prompt_that_is_too_long_is_no_silence(cases, monkeypatch):
    one = asker()

    def overflow(*arguments):
        raise ContextOverflowError("The prompt has 9,000 tokens.")

    monkeypatch.setattr(one, "ask", overflow)
    rows = list(evaluate(cases[:2], one))
    assert [row.scores["right"] for row in rows] == [0, 0]
    assert rows[1].scores["unparsable"] == 1
    assert "9,000" in rows[1].detail["said"]


def test_a_stopped_run_goes_on_where_it_was(cases, tmp_path):
    cancel, run = threading.Event(), Run(tmp_path / "run.jsonl", {"data": "small"})
    for row in evaluate(cases, asker(*RIGHT), cancel=cancel):
        run.add(row)
        cancel.set()
    run.close()
    assert len(run.rows) == 1
    again = Run(tmp_path / "run.jsonl", {"data": "small"})
    rest = list(evaluate(cases, asker(*RIGHT[1:]), done=again.done))
    again.close()
    assert [row.id for row in rest] == ["small/r2", "small/d1/1", "small/d1/2", "small/d1/3"]
    assert all(row.scores["right"] for row in rest)


class Streaming(FakeChat):
    """Tells its tokens as they come, as a local model does."""

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        return super()._generate(messages, stop, run_manager, **kwargs)


def test_a_stop_within_an_answer_leaves_that_answer_out(cases):
    cancel = threading.Event()
    one = Asker(Streaming(script=["a b", "c d", "e f"], seen=[]), TOOLS, None)
    rows = list(
        evaluate(cases, one, progress=lambda share, words: words == "Good morning!" and cancel.set(), cancel=cancel)
    )
    assert [row.id for row in rows] == ["small/r1"]
    assert len(one.model.seen) == 2, "the second was begun"


def test_figures_by_tool_and_by_tag(cases):
    rows = list(evaluate(cases, asker(*RIGHT[:4], calls("recommend", {}))))
    assert by_tool(rows)["track_state"]["called"].mean == 0.5
    assert by_tool(rows)[NO_TOOL]["silent"].count == 2
    assert by_tag(rows)["chat"]["right"].mean == 0.75
    assert by_tag(rows)["money"]["right"].count == 1
    found = figures(rows)
    assert json.loads(json.dumps(found)) == found
    assert found["costs"]["cases"] == 5
    assert figures([])["scores"] == {}


def test_some_cases_are_spread_evenly():
    every = [Case(str(n), str(n), (("user", "x"),), None) for n in range(10)]
    assert [each.id for each in evenly(every, 3)] == ["0", "3", "6"]
    assert evenly(every, None) == evenly(every, 99) == every


AREA = {
    "name": "shapes.area", "description": "The area of a rectangle.",
    "parameters": {"type": "dict", "required": ["sides"], "properties": {
        "sides": {"type": "tuple", "items": {"type": "float"}, "description": "Both."},
        "unit": {"type": "string", "default": "m"}, "extra": {"type": "any"},
        "limits": {"type": "dict", "properties": {"most": {"type": "float"}}},
    }},
}  # fmt: skip
OTHER = {"name": "weather", "description": "The weather.", "parameters": {"type": "dict", "properties": {}}}


def leaderboard(folder, name="BFCL_v4_multiple.json"):
    (folder / "possible_answer").mkdir(exist_ok=True)
    ask = [[{"role": "system", "content": "Be exact."}, {"role": "user", "content": "A 3 by 4.5 room, at most 20."}]]
    truth = {"shapes.area": {"sides": [[3, 4.5]], "unit": ["", "metre"], "limits": [{"most": [20, 20.5]}]}}
    write(folder / "possible_answer" / name, {"id": "multiple_0", "ground_truth": [truth]})
    return write(folder / name, {"id": "multiple_0", "question": ask, "function": [AREA, OTHER]})


@pytest.mark.parametrize(
    ("arguments", "right"),
    [
        ({"sides": [3, 4.5], "limits": {"most": 20}}, True),
        ({"sides": [3.0, 4.5], "limits": {"most": 20.5}, "unit": "Metre"}, True),
        ({"sides": [3.0, 4.5], "limits": {"most": 20}, "unit": "m"}, True),
        ({"sides": [4.5, 3], "limits": {"most": 20}}, False),
        ({"sides": [3, 4.5], "limits": {"most": 21}}, False),
        ({"sides": [3, 4.5], "limits": {"most": 20}, "unit": "foot"}, False),
        ({"sides": [3, 4.5]}, False),
        ({"sides": [3, 4.5], "limits": {"most": 20}, "extra": 1}, False),
    ],
)
def test_the_leaderboards_answers_are_judged_as_it_does(tmp_path, arguments, right):
    (found,) = load_cases(leaderboard(tmp_path), TOOLS)
    one = asker(calls("shapes_area", arguments))
    (row,) = evaluate([found], one)
    assert (row.scores["tool"], row.scores["arguments"] == 1) == (1, right)
    assert "valid" not in row.scores
    assert row.detail["wanted"]["arguments"]["limits"] == {"most": [20, 20.5]}


def test_the_leaderboards_functions_are_offered_with_json_schemas(tmp_path):
    (found,) = load_cases(leaderboard(tmp_path), TOOLS)
    schema = found.functions[0]["parameters"]
    assert schema["type"] == "object"
    assert schema["properties"]["sides"] == {"type": "array", "items": {"type": "number"}, "description": "Both."}
    assert schema["properties"]["extra"] == {}
    assert schema["properties"]["limits"]["properties"]["most"] == {"type": "number"}
    one = asker(AIMessage("It is 13.5."))
    (row,) = evaluate([found], one)
    assert one.model.bound == ["shapes_area", "weather"]
    assert "Be exact." in one.model.seen[0][0].text
    assert isinstance(one.model.seen[0][1], HumanMessage)
    assert row.scores["called"] == 0
    assert row.detail["tags"] == ["multiple"]


def test_irrelevance_needs_no_answers(tmp_path):
    ask = [[{"role": "user", "content": "Who was Ada Lovelace?"}]]
    line = {"id": "irrelevance_0", "question": ask, "function": [OTHER]}
    (found,) = load_cases(write(tmp_path / "BFCL_v4_irrelevance.json", line), TOOLS)
    (row,) = evaluate([found], asker(AIMessage("A mathematician.")))
    assert (row.kind, row.scores["silent"]) == (NO_TOOL, 1)
    (row,) = evaluate([found], asker(calls("weather", {})))
    assert row.scores["silent"] == 0


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ({"text": "Hi", "tool": None}, "'id' is missing"),
        ({"id": "1", "text": "Hi"}, "'tool' is missing"),
        ({"id": "1", "text": 5, "tool": None}, "5 should be a text"),
        ({"id": "1", "text": "Hi", "tool": "fly"}, "there is no tool 'fly'"),
        ({"id": "1", "turns": [{"call": None, "say": "Hi"}]}, "answers nothing"),
        ({"id": "1", "text": "Hi", "tool": "recommend", "arguments": [1]}, "Line 2"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, told):
    with pytest.raises(EvaluationError) as problem:
        load_cases(write(tmp_path / "bad.jsonl", LINES[1], line), TOOLS)
    assert "Line 2" in str(problem.value)
    assert told in str(problem.value)


def test_files_that_cannot_be_used_are_refused(tmp_path):
    with pytest.raises(EvaluationError, match="There is no nowhere.jsonl"):
        load_cases(tmp_path / "nowhere.jsonl", TOOLS)
    with pytest.raises(EvaluationError, match="is empty"):
        load_cases(write(tmp_path / "empty.jsonl"), TOOLS)
    with pytest.raises(EvaluationError, match="same id"):
        load_cases(write(tmp_path / "twice.jsonl", LINES[0], LINES[0]), TOOLS)
    place = leaderboard(tmp_path)
    (tmp_path / "possible_answer" / place.name).unlink()
    with pytest.raises(EvaluationError, match="--answers"):
        load_cases(place, TOOLS)
    truth = write(tmp_path / "truth.json", {"id": "multiple_0", "ground_truth": [{"a": {}}, {"b": {}}]})
    with pytest.raises(EvaluationError, match="at most one call"):
        load_cases(place, TOOLS, truth)
    with pytest.raises(EvaluationError, match="no answer for multiple_0"):
        load_cases(place, TOOLS, write(tmp_path / "other.json", {"id": "multiple_1", "ground_truth": []}))


def test_our_own_sets_can_all_be_read():
    requests = load_cases(DATA / "requests.jsonl", TOOLS)
    dialogues = load_cases(DATA / "dialogues.jsonl", TOOLS)
    assert len(requests) == len((DATA / "requests.jsonl").read_text(encoding="utf-8").splitlines())
    assert len({each.group for each in dialogues}) == len((DATA / "dialogues.jsonl").read_text("utf-8").splitlines())
    one = asker()
    for each in (*requests, *dialogues):  # what the labels say is right by the rules
        called = [] if each.tool is None else [Call(each.tool, {n: v[0] for n, v in each.right[0].values.items()})]
        assert scores_of(each, called, False, one.defaults(each))["right"] == 1, each.id


def test_the_real_model_is_routed_and_calls_under_grammar(smollm2, embedder, tmp_path):
    lines = [
        {"id": "1", "text": "What is the least budget for 28000 active users?", "tool": "budget_curve", "arguments": {"target": 28000}},
        {"id": "2", "text": "Good morning, how are you?", "tool": None},
    ]  # fmt: skip
    found = load_cases(write(tmp_path / "two.jsonl", *lines), TOOLS)
    called, silent = evaluate(found, Asker(smollm2, TOOLS, embedder))
    assert (called.scores["called"], called.scores["valid"]) == (1, 1), called.detail
    assert silent.scores["silent"] == 1
    assert silent.detail["said"]
    assert called.costs["tokens_in"] > silent.costs["tokens_in"] > 0, "a tool is described where one is offered"
    assert called.costs["tokens_out"] > 0
