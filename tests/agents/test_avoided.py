"""What the memory avoids, counted with the real default model's tokenizer and template."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from langchain.agents.middleware import ModelRequest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from bethink.agents.avoided import avoided
from bethink.agents.prompts import quoted_recall
from tests.agents.fakes import FakeChat

SYSTEM = SystemMessage("You are a helpful assistant.")
EARLIER = tuple(
    kind(f"{text} number {number}, with some words more.")
    for number in range(20)
    for kind, text in ((HumanMessage, "A question"), (AIMessage, "An answer"))
)
ASKED = HumanMessage("Where does Maria live?")


def request(model, said, sent) -> ModelRequest:
    runtime = SimpleNamespace(context=None)
    return ModelRequest(
        model=model, messages=sent, system_message=SYSTEM, state={"messages": said}, runtime=runtime, tools=[]
    )


def tokens(model, messages) -> int:
    return len(model.engine.tokenizer.apply_chat_template(
        [{"role": {"human": "user", "ai": "assistant"}.get(m.type, m.type), "content": m.content} for m in messages],
        add_generation_prompt=True,
    )["input_ids"])  # fmt: skip


def with_notes(count: int) -> HumanMessage:
    notes = [{"text": f"Maria lives in Porto {i}.", "date": "2026-01-01", "id": "a" * 24} for i in range(count)]
    return HumanMessage(quoted_recall(notes, str(ASKED.content)))


def test_it_is_the_whole_prompt_less_the_one_sent(smollm2):
    last = [HumanMessage("Hello."), AIMessage("Hi.")]
    sent = [*last, with_notes(3)]
    found = avoided(request(smollm2, [*last, ASKED], sent), tokens(smollm2, [SYSTEM, *sent]), EARLIER)
    whole = tokens(smollm2, [SYSTEM, *EARLIER, *last, ASKED])
    assert found.tokens == whole - tokens(smollm2, [SYSTEM, *sent])
    assert found.tokens > 0
    assert not found.would_overflow


def test_early_in_a_chat_recalled_text_costs_more_than_it_saves(smollm2):
    sent = [with_notes(5)]
    found = avoided(request(smollm2, [ASKED], sent), tokens(smollm2, [SYSTEM, *sent]), ())
    assert found.tokens is not None
    assert found.tokens < 0


def test_nothing_left_out_is_nothing_avoided(smollm2):
    assert avoided(request(smollm2, [ASKED], [ASKED]), 30, ()).tokens == 0


def test_a_dialogue_that_would_not_fit_is_told(smollm2):
    found = avoided(request(smollm2, [ASKED], [ASKED]), 30, EARLIER * 40)
    assert found.would_overflow
    assert found.tokens is not None
    assert found.tokens + 30 >= smollm2.engine.context_length


def test_without_the_models_own_tokenizer_it_is_not_known():
    assert avoided(request(FakeChat(), [ASKED], [ASKED]), 30, EARLIER).tokens is None


def test_a_real_models_record_has_operations_and_what_was_avoided(smollm2):
    from langchain.agents import create_agent

    from bethink.agents import Context, MeteringMiddleware

    records = []
    agent = create_agent(smollm2, middleware=[MeteringMiddleware(records.append)], context_schema=Context)
    agent.invoke({"messages": [ASKED]}, context=Context("ann", earlier=EARLIER))
    (found,) = records
    shape = smollm2.shape
    assert shape.layers == 30
    assert shape.parameters == pytest.approx(106e6, rel=0.01)
    assert found["flops"] == shape.generation(found["tokens_in"], found["tokens_out"], found["tokens_in_cached"])
    assert found["tokens_avoided"] > 400
    assert found["device"] == "cpu"
    assert found["energy_j"] > 0
