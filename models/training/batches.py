"""Batches of token ids, and what a model makes of their answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from bethink.models.training.examples import Encoded

IGNORED = -100


def collate(examples: Sequence[Encoded], pad: int) -> dict[str, Tensor]:
    """A batch, padded on the left, so that all answers end at the same place.

    Returns:
        ``input_ids``, ``attention_mask``, ``position_ids`` (batch, longest) and ``labels`` (batch, longest answer),
        with -100 where a row's answer is shorter.
    """
    longest, answer = max(len(e.ids) for e in examples), max(e.answer for e in examples)
    ids = torch.full((len(examples), longest), pad)
    mask = torch.zeros((len(examples), longest), dtype=torch.long)
    labels = torch.full((len(examples), answer), IGNORED)
    for row, example in enumerate(examples):
        ids[row, longest - len(example.ids) :] = torch.tensor(example.ids)
        mask[row, longest - len(example.ids) :] = 1
        labels[row, answer - example.answer :] = torch.tensor(example.ids[len(example.ids) - example.answer :])
    positions = (mask.cumsum(dim=1) - 1).clamp_min(0)
    return {"input_ids": ids, "attention_mask": mask, "position_ids": positions, "labels": labels}


def answer_logits(model: Any, batch: dict[str, Tensor]) -> Tensor:
    """What the model foretells for each token of the answers: (batch, longest answer, vocabulary).

    The head is computed for these places only: over all places it costs more than the rest of a small model.
    """
    keep = batch["labels"].shape[1] + 1
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    return model(**inputs, use_cache=False, logits_to_keep=keep).logits[:, :-1]


def answer_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy, averaged over each answer first and then over the batch, in nats.

    So a task with long answers does not outweigh one with a single word.
    """
    tokens = cross_entropy(
        logits.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="none"
    ).view_as(labels)
    known = labels != IGNORED
    return (tokens.sum(dim=1) / known.sum(dim=1)).mean()


def is_right(logits: Tensor, labels: Tensor) -> Tensor:
    """Which rows' answers greedy decoding would give word for word: bool (batch,).

    A row is right iff each token of its answer is the likeliest one given the right tokens before it, which is what
    greedy decoding does as long as it is right; so one forward pass tells it.
    """
    return ((logits.argmax(dim=-1) == labels) | (labels == IGNORED)).all(dim=1)


@torch.no_grad()
def exact_match(
    model: Any,
    examples: Sequence[Encoded],
    pad: int,
    *,
    batch_size: int = 16,
    stop: Callable[[], bool] = lambda: False,
) -> list[bool]:
    """For each example, whether greedy decoding would give its whole answer and then end.

    Args:
        model: in evaluation mode.
        examples: as :func:`bethink.models.training.examples.encode` gives them.
        pad: the id that fills a batch.
        batch_size: rows of one forward pass.
        stop: asked before each batch; True ends early with what is known, the rest counted as not right.
    """
    right = [False] * len(examples)
    order = sorted(range(len(examples)), key=lambda i: len(examples[i].ids))
    device = next(model.parameters()).device
    for start in range(0, len(order), batch_size):
        if stop():
            break
        rows = order[start : start + batch_size]
        batch = {name: value.to(device) for name, value in collate([examples[i] for i in rows], pad).items()}
        for row, ok in zip(rows, is_right(answer_logits(model, batch), batch["labels"]).tolist(), strict=True):
            right[row] = ok
    return right
