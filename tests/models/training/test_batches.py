from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.models.training.batches import answer_logits, answer_loss, collate, exact_match, is_right
from bethink.models.training.examples import Encoded

EXAMPLES = st.lists(
    st.tuples(
        st.lists(st.integers(1, 40), min_size=1, max_size=9), st.lists(st.integers(1, 40), min_size=1, max_size=5)
    ),
    min_size=1,
    max_size=5,
).map(lambda rows: [Encoded("t", (*p, *a), len(a)) for p, a in rows])


@pytest.fixture(scope="module")
def model():
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(**sizes, vocab_size=41)).eval()


@given(EXAMPLES)
def test_answers_end_at_the_right_edge(examples):
    batch = collate(examples, pad=0)
    for row, example in enumerate(examples):
        kept = batch["input_ids"][row][batch["attention_mask"][row].bool()].tolist()
        assert tuple(kept) == example.ids
        assert batch["labels"][row, -example.answer :].tolist() == list(example.ids[-example.answer :])
        assert (batch["labels"][row, : -example.answer] == -100).all() or example.answer == batch["labels"].shape[1]
        assert batch["position_ids"][row, -1] == len(example.ids) - 1


@settings(max_examples=20, deadline=None)
@given(EXAMPLES)
def test_a_batch_gives_what_each_row_gives_alone(model, examples):
    batch = collate(examples, pad=0)
    with torch.no_grad():
        together = answer_logits(model, batch)
        for row, example in enumerate(examples):
            ids = torch.tensor([example.ids])
            alone = model(ids).logits[0, -example.answer - 1 : -1]
            torch.testing.assert_close(together[row, -example.answer :], alone, atol=1e-4, rtol=1e-4)


@settings(max_examples=20, deadline=None)
@given(EXAMPLES)
def test_the_loss_is_the_mean_over_examples_of_the_mean_over_tokens(model, examples):
    batch = collate(examples, pad=0)
    with torch.no_grad():
        got = answer_loss(answer_logits(model, batch), batch["labels"])
        each = []
        for example in examples:
            logits = model(torch.tensor([example.ids])).logits[0, -example.answer - 1 : -1]
            wanted = torch.tensor(example.ids[-example.answer :])
            each.append(torch.nn.functional.cross_entropy(logits, wanted))
    torch.testing.assert_close(got, torch.stack(each).mean(), atol=1e-4, rtol=1e-4)


def test_a_row_is_right_only_if_every_token_is():
    logits = torch.nn.functional.one_hot(torch.tensor([[1, 2], [1, 3], [0, 2]]), 4).float()
    assert is_right(logits, torch.tensor([[1, 2], [1, 2], [-100, 2]])).tolist() == [True, False, True]


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
    assert exact_match(model, examples, 0, batch_size=5) == [i % 2 == 0 for i in range(12)]


def test_scoring_can_be_stopped(model):
    asked = iter([False, True])
    found = exact_match(model, [Encoded("t", (1, 2, 3), 1)] * 10, 0, batch_size=2, stop=lambda: next(asked))
    assert found[4:] == [False] * 6
