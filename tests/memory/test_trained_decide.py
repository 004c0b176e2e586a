"""What becomes of a thought by the model's word: the mean over orders, and an end only where it is sure."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethink.memory import ThoughtMemory
from bethink.memory.extract import Fact, Message
from bethink.memory.thought import Thought
from bethink.memory.trained_decide import OF_ONE, SURE, Judgement, judge, with_ended

SAID = datetime(2026, 5, 8, 12, tzinfo=UTC)


def saying(what: str, about: str = "", probability: float = 0.95, asked: list[str] | None = None):
    """A fake model: it is this sure of ``what`` becoming of the old thought that holds ``about``."""

    def weigh(prompt, options):
        if asked is not None:
            asked.append(prompt)
        number = next((n for n, line in re.findall(r"^(\d+)\. (.*)$", prompt, re.MULTILINE) if about in line), "")
        meant = what if what == "insert" else f"{what} {number}"
        return [probability if option == meant else (1 - probability) / len(options) for option in options]

    return weigh


def thought(text: str, id: str = "a", **more) -> Thought:
    fields = dict.fromkeys(("subject", "relation", "object", "agent_id", "session_id", "invalid_at", "superseded_by"))
    day = "2026-01-05T00:00:00+00:00"
    return Thought(id=id, text=text, user_id="ann", created_at=day, valid_at=day, merged_from=(), source_turns=(),
                   bucket=0, **{**fields, "metadata": {}, **more})  # fmt: skip


@given(st.integers(1, 6), st.data(), st.sampled_from(OF_ONE), st.floats(0.3, 1))
def test_the_thought_that_is_meant_is_found_at_any_place(n, data, what, probability):
    meant = data.draw(st.integers(0, n - 1))
    old = [f"[2026-01-01] thought number {'abcdef'[at]}" for at in range(n)]
    found = judge(saying(what, old[meant], probability), "[2026-02-02] new", old)
    assert (found.what, found.which) == (what, meant)
    assert found.probability == pytest.approx(probability)


def test_a_leaning_towards_a_place_is_averaged_out():
    def first_place(prompt, options):
        leaning = {"supersede 1": 0.5, "insert": 0.45}
        return [leaning.get(option, 0.001) for option in options]

    found = judge(first_place, "[2026-02-02] new", ["[2026-01-01] a", "[2026-01-01] b", "[2026-01-01] c"])
    assert found == Judgement("insert", None, pytest.approx(0.45))


def test_of_nothing_old_no_model_is_asked():
    asked: list[str] = []
    assert judge(saying("insert", asked=asked), "[2026-02-02] new", []) == Judgement("insert", None, 1.0)
    assert not asked


def ended(near, weigh, text="I have given up coffee.", **more):
    return with_ended([Fact(text, **more)], [Message("user", text, SAID)], [near], weigh)[0].ends


def test_an_old_thought_ends_where_the_model_is_sure():
    near = [thought("I like coffee cake.", "a"), thought("Four espressos before noon, that's me.", "b")]
    assert ended(near, saying("supersede", "espressos")) == ("b",)
    assert ended(near, saying("supersede", "espressos", SURE - 0.01)) == ()


@pytest.mark.parametrize("what", ["insert", "merge", "forget"])
def test_it_ends_by_no_other_word(what):
    assert ended([thought("I drink coffee.")], saying(what, "coffee")) == ()


def test_nobody_is_asked_what_is_settled_or_cannot_be_read():
    asked: list[str] = []
    weigh = saying("supersede", "", asked=asked)
    assert ended([thought("I drink coffee.")], weigh, ends=("z",)) == ("z",)
    assert ended([thought("我喜欢咖啡。")], weigh, text="我不喝咖啡了。") == ()
    assert ended([thought("user: I drink coffee.", metadata={"kind": "turn"})], weigh) == ()
    assert ended([thought("I have given up coffee.")], weigh) == ()
    assert ended([], weigh) == ()
    assert not asked


def test_long_thoughts_are_cut():
    asked: list[str] = []
    ended([thought("coffee " * 1000)], saying("insert", asked=asked), text="no coffee " * 1000)
    assert max(map(len, asked)) < 1000


def test_the_memory_ends_a_thought_by_it_and_undoes_that(tmp_path, fake_embedder):
    with ThoughtMemory(tmp_path, fake_embedder, weigh=saying("supersede", "espresso")) as memory:
        memory.insert("I drink espresso every morning at the bar.", user_id="ann")
        (change,) = memory.add("I drink no espresso every morning at the bar.", user_id="ann")
        assert change.op == "supersede"
        assert [one.text for one in memory.list(user_id="ann")] == ["I drink no espresso every morning at the bar."]
        memory.undo(change.token, user_id="ann")
        assert [one.text for one in memory.list(user_id="ann")] == ["I drink espresso every morning at the bar."]


def test_what_is_not_alike_is_not_asked_about(tmp_path, fake_embedder):
    asked: list[str] = []
    with ThoughtMemory(tmp_path, fake_embedder, weigh=saying("supersede", "", asked=asked)) as memory:
        memory.insert("Rex is a terrier.", user_id="ann")
        memory.add("I work as a nurse.", user_id="ann")
        memory.add("I work as a teacher.", user_id="ben")
    assert not asked
