"""Batches of token ids without padding, and what a model makes of their answers.

Examples stand one behind another in packs; positions that begin anew tell transformers that no example sees the one
before it. The head is computed for the tokens of answers only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from bethink.models.training.examples import Encoded

PACK = 512
"""Tokens of a pack that may hold more than one example: attention's cost grows with a pack's square."""
Pack = dict[str, Tensor]
Batch = dict[str, list[Pack]]


def collate(examples: Sequence[Encoded]) -> Batch:
    """A batch as ``packs``, in the order of the examples.

    Returns:
        Each pack has ``input_ids`` and ``position_ids`` (1, tokens); ``at`` (answer tokens,), the places whose output
        foretells an answer's token; ``labels`` (answer tokens,), those tokens; ``lengths`` (examples,), how many
        tokens each answer has.
    """
    packs: list[list[Encoded]] = []
    size = 0
    for example in examples:
        size += len(example.ids)
        if not packs or size > PACK:
            packs.append([])
            size = len(example.ids)
        packs[-1].append(example)
    return {"packs": [_pack(rows) for rows in packs]}


def _pack(examples: list[Encoded]) -> Pack:
    ids: list[int] = []
    positions: list[int] = []
    at: list[int] = []
    for example in examples:
        ids += example.ids
        positions += range(len(example.ids))
        at += range(len(ids) - example.answer - 1, len(ids) - 1)
    tokens = torch.tensor(ids)
    places = torch.tensor(at)
    return {
        "input_ids": tokens[None],
        "position_ids": torch.tensor(positions)[None],
        "at": places,
        "labels": tokens[places + 1],
        "lengths": torch.tensor([example.answer for example in examples]),
    }


def check_model(model: Any) -> None:
    """Refuse models whose layers carry a state from token to token, and so from example to example.

    Raises:
        ValueError: it is such a model.
    """
    if getattr(model, "_is_stateful", False):
        raise ValueError("Models with a recurrent state (Mamba and its kin) cannot be trained here; choose another.")


def answer_logits(model: Any, pack: Pack) -> Tensor:
    """What the model foretells for each token of a pack's answers: (answer tokens, vocabulary).

    The head over all places would cost more than the rest of a small model.
    """
    ids, positions = pack["input_ids"], pack["position_ids"]
    return model(input_ids=ids, position_ids=positions, use_cache=False, logits_to_keep=pack["at"]).logits[0]


def answer_losses(logits: Tensor, pack: Pack) -> Tensor:
    """Cross entropy of each answer, averaged over its tokens: (examples,), in nats."""
    tokens = cross_entropy(logits.float(), pack["labels"], reduction="none")
    return torch.stack([part.mean() for part in tokens.split(pack["lengths"].tolist())])


def batch_loss(model: Any, batch: Batch) -> Tensor:
    """The mean of :func:`answer_losses` over a batch; a task with long answers does not outweigh one with one word."""
    return torch.cat([answer_losses(answer_logits(model, pack), pack) for pack in batch["packs"]]).mean()


def is_right(logits: Tensor, pack: Pack) -> list[bool]:
    """Which answers of a pack greedy decoding would give word for word.

    An answer is right iff each of its tokens is the likeliest one given the right tokens before it, which is what
    greedy decoding does as long as it is right; so one forward pass tells it.
    """
    known = logits.argmax(dim=-1) == pack["labels"]
    return [bool(part.all()) for part in known.split(pack["lengths"].tolist())]


@torch.no_grad()
def exact_match(
    model: Any,
    examples: Sequence[Encoded],
    *,
    batch_size: int = 16,
    stop: Callable[[], bool] = lambda: False,
) -> list[bool]:
    """For each example, whether greedy decoding would give its whole answer and then end.

    Args:
        model: in evaluation mode.
        examples: as :func:`bethink.models.training.examples.encode` gives them.
        batch_size: examples of one batch.
        stop: asked before each batch; True ends early with what is known, the rest counted as not right.
    """
    right: list[bool] = []
    device = next(model.parameters()).device
    for start in range(0, len(examples), batch_size):
        if stop():
            break
        for pack in collate(examples[start : start + batch_size])["packs"]:
            here = {name: value.to(device) for name, value in pack.items()}
            right += is_right(answer_logits(model, here), here)
    return right + [False] * (len(examples) - len(right))
