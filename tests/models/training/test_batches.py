from __future__ import annotations

from contextlib import nullcontext
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.models.training.batches import (
    PACK,
    SHARED_PACK,
    answer_logits,
    batch_loss,
    check_model,
    collate,
    exact_match,
    is_right,
    packing,
)
from bethink.models.training.examples import Encoded

EXAMPLES = st.lists(
    st.tuples(
        st.lists(st.integers(1, 40), min_size=1, max_size=9), st.lists(st.integers(1, 40), min_size=1, max_size=5)
    ),
    min_size=1,
    max_size=5,
).map(lambda rows: [Encoded("t", (*p, *a), len(a)) for p, a in rows])


@cache
def _model(name: str, attention: str):
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = AutoConfig.for_model(name, **sizes, num_key_value_heads=1, head_dim=8, vocab_size=41)
    return AutoModelForCausalLM.from_config(config, attn_implementation=attention).eval()


@pytest.fixture(scope="module")
def model():
    return _model("llama", "sdpa")


LONG = st.lists(st.integers(2, PACK + 100), min_size=1, max_size=9).map(
    lambda sizes: [Encoded("t", tuple(range(n)), 1) for n in sizes]
)


@given(EXAMPLES | LONG)
def test_packs_hold_every_example_in_order_and_point_at_its_answer(examples):
    rows = iter(examples)
    for pack in collate(examples)["packs"]:
        ids, positions, at = pack["input_ids"][0], pack["position_ids"][0], pack["at"].tolist()
        assert len(ids) <= PACK or len(pack["lengths"]) == 1
        starts = [i for i, place in enumerate(positions.tolist()) if place == 0] + [len(ids)]
        assert pack["labels"].tolist() == ids[pack["at"] + 1].tolist()
        for start, end, length in zip(starts[:-1], starts[1:], pack["lengths"].tolist(), strict=True):
            example = next(rows)
            assert tuple(ids[start:end].tolist()) == example.ids
            assert length == example.answer
            assert at[:length] == list(range(end - length - 1, end - 1))
            at = at[length:]
        assert not at
    assert next(rows, None) is None


def test_a_full_pack_is_not_split():
    examples = [Encoded("t", tuple(range(n)), 1) for n in (PACK // 2, PACK // 2, 2)]
    assert [len(pack["lengths"]) for pack in collate(examples)["packs"]] == [2, 1]


@settings(max_examples=20, deadline=None)
@given(examples=EXAMPLES)
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("name", ["llama", "qwen2", "qwen3"])
def test_no_example_of_a_pack_sees_another(name, attention, examples):
    model = _model(name, attention)
    with torch.no_grad():
        (pack,) = collate(examples)["packs"]
        together = answer_logits(model, pack).split(pack["lengths"].tolist())
        for found, example in zip(together, examples, strict=True):
            alone = model(torch.tensor([example.ids])).logits[0, -example.answer - 1 : -1]
            torch.testing.assert_close(found, alone, atol=1e-4, rtol=1e-4)


BRANCHES = st.lists(
    st.tuples(st.lists(st.integers(1, 2), max_size=7), st.lists(st.integers(1, 2), min_size=1, max_size=3)),
    min_size=1,
    max_size=8,
).map(lambda rows: [Encoded("t", (3, *p, *a), len(a)) for p, a in rows])
"""Of two words only, so that many begin alike, and some are the same."""


@settings(max_examples=40, deadline=None)
@given(examples=BRANCHES)
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("name", ["llama", "qwen2", "qwen3"])
def test_a_shared_beginning_changes_no_answer(name, attention, examples):
    model = _model(name, attention)
    with torch.no_grad(), packing(model) as packed:
        (pack,) = packed(examples)["packs"]
        assert pack["input_ids"].shape[1] <= sum(len(example.ids) for example in examples)
        together = answer_logits(model, pack).split(pack["lengths"].tolist())
    with torch.no_grad():
        labels_of = pack["labels"].split(pack["lengths"].tolist())
        for found, labels, example in zip(together, labels_of, examples, strict=True):
            alone = model(torch.tensor([example.ids])).logits[0, -example.answer - 1 : -1]
            torch.testing.assert_close(found, alone, atol=1e-4, rtol=1e-4)
            assert tuple(labels.tolist()) == example.ids[-example.answer :]


def test_gradients_are_those_of_packs_that_share_nothing(model):
    examples = [Encoded("t", (*range(1, 9), *range(i, i + 4)), 2) for i in range(6)]
    found = []
    for share in (True, False):
        model.zero_grad()
        with packing(model) if share else nullcontext(collate) as packed:
            batch_loss(model, packed(examples)).backward()
        found.append([p.grad.clone() for p in model.parameters()])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-4)


def test_a_common_beginning_stands_once():
    examples = [Encoded("t", (*range(100), 200 + i, 7), 1) for i in range(5)]
    (pack,) = collate(examples, share=True)["packs"]
    assert pack["input_ids"].shape[1] == 100 + 5 * 2
    assert len(collate(examples)["packs"][0]["input_ids"][0]) == 5 * 102


@given(LONG | BRANCHES)
def test_shared_packs_hold_every_example_in_order_and_are_not_too_long(examples):
    lengths = []
    for pack in collate(examples, share=True)["packs"]:
        assert pack["input_ids"].shape[1] <= SHARED_PACK or len(pack["lengths"]) == 1
        lengths += pack["lengths"].tolist()
    assert lengths == [example.answer for example in examples]


def _windowed():
    from transformers import AutoConfig, AutoModelForCausalLM

    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    windows = {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1}
    config = AutoConfig.for_model("qwen2", **sizes, **windows, num_key_value_heads=1, vocab_size=41)
    return AutoModelForCausalLM.from_config(config)


def test_a_model_that_cannot_share_gets_packs_that_do_not():
    with packing(_windowed()) as packed:
        assert "branches" not in packed([Encoded("t", (1, 2, 3), 1)])["packs"][0]


@settings(max_examples=20, deadline=None)
@given(EXAMPLES)
def test_the_loss_is_the_mean_over_examples_of_the_mean_over_tokens(model, examples):
    with torch.no_grad():
        got = batch_loss(model, collate(examples))
        each = []
        for example in examples:
            logits = model(torch.tensor([example.ids])).logits[0, -example.answer - 1 : -1]
            wanted = torch.tensor(example.ids[-example.answer :])
            each.append(torch.nn.functional.cross_entropy(logits, wanted))
    torch.testing.assert_close(got, torch.stack(each).mean(), atol=1e-4, rtol=1e-4)


@given(EXAMPLES, st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_an_answer_weighs_its_length_to_a_power(model, examples, power):
    with torch.no_grad():
        got = batch_loss(model, collate(examples), power)
        each = [batch_loss(model, collate([example])) * example.answer**power for example in examples]
    torch.testing.assert_close(got, torch.stack(each).mean(), atol=1e-4, rtol=1e-4)


def test_a_model_with_a_state_is_refused():
    from transformers import MambaConfig, MambaForCausalLM

    config = MambaConfig(vocab_size=41, hidden_size=16, num_hidden_layers=1, state_size=4)
    with pytest.raises(ValueError, match="recurrent state"):
        check_model(MambaForCausalLM(config))


def test_an_answer_is_right_only_if_every_token_is():
    logits = torch.nn.functional.one_hot(torch.tensor([1, 2, 1, 3, 2]), 4).float()
    pack = {"labels": torch.tensor([1, 2, 1, 2, 2]), "lengths": torch.tensor([2, 2, 1])}
    assert is_right(logits, pack) == [True, False, True]


def test_teacher_forcing_agrees_with_greedy_decoding(model):
    generator = torch.Generator().manual_seed(1)
    examples = []
    for i in range(12):
        prompt = torch.randint(1, 40, (1, 4), generator=generator)
        answer = model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=3,
            do_sample=False,
            pad_token_id=0,
            eos_token_id=None,
        )[0, 4:].tolist()
        if i % 2:
            answer[-1] = (answer[-1] + 1) % 40
        examples.append(Encoded("t", (*prompt[0].tolist(), *answer), 3))
    assert exact_match(model, examples, batch_size=5) == [i % 2 == 0 for i in range(12)]


def test_scoring_can_be_stopped(model):
    asked = iter([False, True])
    found = exact_match(model, [Encoded("t", (1, 2, 3), 1)] * 10, batch_size=2, stop=lambda: next(asked))
    assert found[4:] == [False] * 6
