"""Batches of token ids without padding, and what a model makes of their answers.

Examples stand one behind another in packs. What an example has in common with the start of another one of its pack (a
system message, a task's instruction) stands there once: a pack is a tree, each token sees its own branch back to the
root and nothing else, and losses and gradients are those of the examples one by one. The head is computed for the
tokens of answers only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from bethink.models.training.attention import branches_of, branching, can_branch
from bethink.models.training.examples import Encoded

PACK = 512
"""Tokens of a pack that may hold more than one example: attention's cost grows with a pack's square."""
SHARED_PACK = 1024
"""The same where beginnings are shared, and attention costs no more in a longer pack; its memory grows with it."""
Pack = dict[str, Any]
Batch = dict[str, list[Pack]]
Collate = Callable[[Sequence[Encoded]], Batch]


@contextmanager
def packing(model: Any) -> Iterator[Collate]:
    """:func:`collate` as it is best for a model, which within takes such packs only."""
    if not can_branch(model):
        yield collate
        return
    with branching(model):
        yield partial(collate, share=True)


def collate(examples: Sequence[Encoded], share: bool = False) -> Batch:
    """A batch as ``packs``, in the order of the examples.

    Args:
        examples: of one batch.
        share: whether what examples of a pack begin with alike stands there once; the model must be
            :func:`bethink.models.training.attention.branching`. Without it, positions that begin anew tell
            transformers that no example sees the one before it.

    Returns:
        Each pack has ``input_ids`` and ``position_ids`` (1, tokens); ``at`` (answer tokens,), the places whose output
        foretells an answer's token; ``labels`` (answer tokens,), those tokens; ``lengths`` (examples,), how many
        tokens each answer has; where beginnings are shared, ``branches``.
    """
    packs = [_Pack(share)]
    for example in examples:
        if not packs[-1].add(example):
            packs.append(_Pack(share))
            packs[-1].add(example)
    return {"packs": [pack.tensors() for pack in packs]}


class _Pack:
    """A pack that grows: its tokens, and of each example the places of its tokens."""

    def __init__(self, share: bool) -> None:
        self.share = share
        self.ids: list[int] = []
        self.paths: list[list[int]] = []
        self.own: list[int] = []
        self.examples: list[Encoded] = []

    def add(self, example: Encoded) -> bool:
        """Take the example in, or not, where the pack would become too long."""
        path = max((self._common(path, example) for path in self.paths), key=len) if self.share and self.paths else []
        new = example.ids[len(path) :]
        if self.paths and len(self.ids) + len(new) > (SHARED_PACK if self.share else PACK):
            return False
        self.paths.append(path + list(range(len(self.ids), len(self.ids) + len(new))))
        self.own.append(len(new))
        self.ids += new
        self.examples.append(example)
        return True

    def _common(self, path: list[int], example: Encoded) -> list[int]:
        """The places that the example's prompt has in common with another one's."""
        prompt = example.ids[: -example.answer]
        same = 0
        while same < min(len(path), len(prompt)) and self.ids[path[same]] == prompt[same]:
            same += 1
        return path[:same]

    def tensors(self) -> Pack:
        tokens = torch.tensor(self.ids)
        positions = torch.empty_like(tokens)
        for path in self.paths:
            positions[path] = torch.arange(len(path))
        both = list(zip(self.paths, self.examples, strict=True))
        pack: Pack = {
            "input_ids": tokens[None],
            "position_ids": positions[None],
            "at": torch.tensor([place for path, each in both for place in path[-each.answer - 1 : -1]]),
            "labels": tokens[[place for path, each in both for place in path[-each.answer :]]],
            "lengths": torch.tensor([each.answer for each in self.examples]),
        }
        if self.share:
            pack["branches"] = branches_of(self.paths, self.own)
        return pack


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
    inputs = {name: pack[name] for name in ("input_ids", "position_ids", "branches") if name in pack}
    return model(**inputs, use_cache=False, logits_to_keep=pack["at"]).logits[0]


def answer_losses(logits: Tensor, pack: Pack, length_exponent: float = 0.0) -> Tensor:
    """Cross entropy of each answer, averaged over its n tokens, times n^length_exponent: (examples,), in nats."""
    tokens = cross_entropy(logits.float(), pack["labels"], reduction="none")
    means = torch.stack([part.mean() for part in tokens.split(pack["lengths"].tolist())])
    return means * pack["lengths"].to(means) ** length_exponent


def batch_loss(model: Any, batch: Batch, length_exponent: float = 0.0) -> Tensor:
    """The mean of :func:`answer_losses` over a batch.

    With ``length_exponent`` 0 a task with long answers does not outweigh one with one word; with 1 each token counts
    the same, as the likelihood of whole answers has it.
    """
    losses = [answer_losses(answer_logits(model, pack), pack, length_exponent) for pack in batch["packs"]]
    return torch.cat(losses).mean()


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
    with packing(model) as packed:
        for start in range(0, len(examples), batch_size):
            if stop():
                break
            for pack in packed(examples[start : start + batch_size])["packs"]:
                here = {k: value.to(device) if torch.is_tensor(value) else value for k, value in pack.items()}
                right += is_right(answer_logits(model, here), here)
    return right + [False] * (len(examples) - len(right))
