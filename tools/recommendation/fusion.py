"""Aspect Gating Fusion: what an id, a text and sparse features say of one thing, weighed for the domain and merged.

After Gong et al. 2023, arXiv 2309.08939, as public summaries tell it; the equations below are our reading. Aspects
e_1..e_K in R^D get gates g on the simplex, and the representation is

    r = k sum_j g_j e_j,

k being the number of aspects that are present. With equal gates that is the sum of the aspects: an id is then a
correction of what text and features say, and a cold item, whose id is missing, simply goes without it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

Gating = Literal["mean", "cls", "domain"]
GATINGS: tuple[str, ...] = get_args(Gating)


class AspectGatingFusion(nn.Module):
    """Gates over K aspects, and the aspects merged.

    Args:
        names: of the K aspects; where one is ``"id"``, it is left out at random in training.
        width: D, of an aspect.
        domain_width: E, of the domain's embedding.
        gating: ``"mean"``: equal gates. ``"cls"``: a learned query q attends, g = softmax(q W e_j / (tau sqrt D)).
            ``"domain"``: g = softmax(W [e_1; ..; e_K; domain] / tau). Both learned ones begin as equal gates.
        temperature: tau, above 0.
        id_dropout: chance in training that the id is left out where another aspect is present, so that cold things
            are something the network has been trained on.

    Raises:
        ValueError: no aspect, a name twice, an unknown gating, a temperature or chance out of range.

    Cost: K (K D + E) multiplications a row.

    Example:
        >>> fusion = AspectGatingFusion(("id", "text"), width=4, domain_width=3).eval()
        >>> merged, gates = fusion(torch.ones(5, 2, 4), torch.zeros(5, 3), torch.tensor([[False, True]] * 5))
        >>> merged.shape, gates[0].tolist()
        (torch.Size([5, 4]), [0.0, 1.0])
    """

    def __init__(
        self,
        names: Sequence[str],
        width: int,
        domain_width: int,
        gating: Gating = "domain",
        temperature: float = 1.0,
        id_dropout: float = 0.3,
    ) -> None:
        super().__init__()
        if not names or len(set(names)) != len(names):
            raise ValueError(f"Aspects need names, each once; they are {list(names)}.")
        if gating not in GATINGS:
            raise ValueError(f"There is no gating {gating!r}; choose from {', '.join(GATINGS)}.")
        if not temperature > 0 or not 0 <= id_dropout < 1:
            raise ValueError(f"Needed: temperature > 0 ({temperature}) and id_dropout within [0, 1) ({id_dropout}).")
        self.names, self.gating, self.temperature, self.id_dropout = tuple(names), gating, temperature, id_dropout
        self._id = self.names.index("id") if "id" in names and len(names) > 1 else None
        if gating == "domain":
            self.weight = nn.Linear(len(names) * width + domain_width, len(names))
            nn.init.zeros_(self.weight.weight)
            nn.init.zeros_(self.weight.bias)
        elif gating == "cls":
            self.query = nn.Parameter(torch.zeros(width))
            self.key = nn.Linear(width, width, bias=False)

    def forward(self, aspects: Tensor, domain: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Merge.

        Args:
            aspects: [n, K, D].
            domain: embeddings of the rows' domains [n, E].
            present: bool [n, K]; a row with none is merged to zeros.

        Returns:
            (merged [n, D], gates [n, K]): gates are 0 where an aspect is absent and else sum to 1.
        """
        if self.training and self.id_dropout and self._id is not None:
            drop = torch.rand(len(present), device=present.device) < self.id_dropout
            others = present.sum(1) > present[:, self._id].long()
            present = present.clone()
            present[:, self._id] &= ~(drop & others)
        aspects = aspects * present[..., None]
        if self.gating == "domain":
            scores = self.weight(torch.cat([aspects.flatten(1), domain], 1)) / self.temperature
        elif self.gating == "cls":
            scores = self.key(aspects) @ self.query / (self.temperature * math.sqrt(aspects.shape[2]))
        else:
            scores = aspects.new_zeros(present.shape)
        # a finite floor: rows without any aspect must not become NaN, in the backward pass neither
        gates = torch.softmax(scores.masked_fill(~present, -1e9), 1) * present
        merged = (gates[..., None] * aspects).sum(1) * present.sum(1, keepdim=True)
        return merged, gates
