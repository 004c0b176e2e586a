"""The network: sides of users, queries and items, an adaptive layer for domains, two towers that meet, and experts.

    logit = c + a_0 + b_0 + sum_k>0 a_k b_k + w_d cos(query text, item text) + taste_u . item text
            + new_i company_u . [item text; 1] + tower_d(experts([a; b; a b]))

with a = adapt_d(user + query) and b = adapt_d(item), each side an aspect gating fusion (:mod:`.fusion`) of id, text
and features, the adaptive layer and the experts of :mod:`.experts`. All but the last term is a dot product of a vector
of (user, query) and one of the item, so that retrieval over all items is a matrix product. Coordinate 0 of a and b are
what a user, or an item, is like whatever the other.

After Gong et al. 2023, arXiv 2309.08939, as public summaries tell it; the two towers and the Gaussian priors are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from bethink.tools.recommendation.experts import DomainAdaptive, MixtureOfExperts, grown
from bethink.tools.recommendation.fusion import AspectGatingFusion, Gating
from bethink.tools.recommendation.history import Taste

PRECISIONS = {
    "ids": 40.0,
    "sparse": 40.0,
    "text": 160.0,
    "fusion": 80.0,
    "adaptation": 80.0,
    "experts": 40.0,
    "towers": 40.0,
    "head": 0.0,
}
"""Of the Gaussian priors: precision / 2 times the squared distance to the prior's mean joins the samples' loss."""
MATCH_UNIT = 10.0
"""Cosines of texts spread over a few tenths; in these units their weight is near 1."""


@dataclass(frozen=True)
class SideShape:
    """What a side is made of: ids known from training, levels of each sparse feature, numbers, a text or none."""

    known: int
    sizes: tuple[int, ...] = ()
    numbers: int = 0
    text: bool = False


@dataclass(frozen=True)
class NetworkSettings:
    """Widths and switches of the network.

    Args:
        width: D of every representation.
        domain_width: of a domain's embedding.
        gating: see :class:`AspectGatingFusion`.
        temperature: of the gates.
        id_dropout: chance that an id is left out in training.
        text_dropout: of the text vectors' coordinates.
        experts: number of experts; 0 leaves them out, with the towers.
        hidden: width of experts and towers.
        dropout: of experts and towers.
        adaptation: False treats all domains as one.
        taste: whether tastes in the space of texts (:mod:`.history`) have a say.
    """

    width: int = 17
    domain_width: int = 8
    gating: Gating = "domain"
    temperature: float = 1.0
    id_dropout: float = 0.3
    text_dropout: float = 0.3
    experts: int = 4
    hidden: int = 16
    dropout: float = 0.2
    adaptation: bool = True
    taste: bool = True


class SideTable(NamedTuple):
    """N users, items or queries as the network reads them.

    ``id`` [N], 0 for one unknown; ``levels`` [N, f], the unknown level 0; ``numbers`` [N, m], NaN where missing;
    ``text`` [N, T], zeros for no text; ``told`` [N], whether there is a text.
    """

    id: Tensor
    levels: Tensor
    numbers: Tensor
    text: Tensor
    told: Tensor


class Tables(NamedTuple):
    """All that samples point at."""

    user: SideTable
    item: SideTable
    query: SideTable


class Batch(NamedTuple):
    """Rows of the tables [n]; ``query`` -1 for none; ``domain`` by number."""

    user: Tensor
    item: Tensor
    query: Tensor
    domain: Tensor


class Output(NamedTuple):
    """``logit`` [n]; the adapted ``user`` (with the query) and ``item`` [n, D]; gates [n, aspects] of each side."""

    logit: Tensor
    user: Tensor
    item: Tensor
    gates: dict[str, Tensor]


class CoordinateDropout(nn.Module):
    """In training, rows of a weight [T, D] left out at random, the others enlarged to make up for them."""

    def __init__(self, chance: float) -> None:
        super().__init__()
        self.chance = chance

    def forward(self, weight: Tensor) -> Tensor:
        """[T, D]."""
        return weight * nn.functional.dropout(torch.ones(len(weight), 1), self.chance, self.training)


class Side(nn.Module):
    """Users, items or queries: aspects of them that there are, fused.

    Args:
        shape: what there is.
        text_width: T.
        settings: of the network.

    Raises:
        ValueError: a side with no aspect at all.
    """

    number_mean: Tensor
    number_scale: Tensor
    text_mean: Tensor
    text_scale: Tensor
    offsets: Tensor

    def __init__(self, shape: SideShape, text_width: int, settings: NetworkSettings) -> None:
        super().__init__()
        width = settings.width
        self.shape = shape
        self.id = nn.Embedding(shape.known + 1, width)
        nn.init.normal_(self.id.weight, 0, 0.01)
        names = ["id"]
        if shape.text:
            names.append("text")
            self.text = nn.Linear(text_width, width, bias=False)
            nn.init.normal_(self.text.weight, 0, 0.05)
            self.dropout = CoordinateDropout(settings.text_dropout)
            self.register_buffer("text_mean", torch.zeros(text_width))
            self.register_buffer("text_scale", torch.ones(()))
        if shape.sizes or shape.numbers:
            names.append("sparse")
        if shape.sizes:
            self.levels = nn.Embedding(sum(shape.sizes), width)
            nn.init.normal_(self.levels.weight, 0, 0.02)
            self.register_buffer("offsets", torch.tensor([0, *shape.sizes[:-1]]).cumsum(0))
        if shape.numbers:
            self.numbers = nn.Linear(2 * shape.numbers, width, bias=False)
            nn.init.normal_(self.numbers.weight, 0, 0.02)
            self.register_buffer("number_mean", torch.zeros(shape.numbers))
            self.register_buffer("number_scale", torch.ones(shape.numbers))
        self.fusion = AspectGatingFusion(
            names, width, settings.domain_width, settings.gating, settings.temperature, settings.id_dropout
        )

    @torch.no_grad()
    def standardise(self, table: SideTable, rows: Tensor) -> None:
        """Take centre and scale of texts and numbers from the table's ``rows``, those of training."""
        if self.shape.text:
            text = table.text[rows]
            text = text[table.told[rows]]
            if len(text):
                self.text_mean.copy_(text.mean(0))
                self.text_scale.copy_((text - self.text_mean).square().sum(1).mean().sqrt().clamp_min(1e-6))
        if self.shape.numbers:
            numbers = table.numbers[rows].double()
            there = torch.isfinite(numbers)
            count = there.sum(0).clamp_min(1)
            mean = torch.where(there, numbers, 0).sum(0) / count
            spread = (torch.where(there, numbers - mean, 0).square().sum(0) / count).sqrt()
            self.number_mean.copy_(mean)
            self.number_scale.copy_(torch.where(spread > 1e-9 * (1 + mean.abs()), spread, 1.0))

    def forward(self, table: SideTable, rows: Tensor, domain: Tensor) -> tuple[Tensor, Tensor]:
        """(representation [n, D], gates [n, aspects]) of the table's ``rows`` [n], for embeddings of domains [n, E]."""
        ids = table.id[rows]
        aspects, present = [self.id(ids)], [ids > 0]
        if self.shape.text:
            # a coordinate is dropped for the whole batch: a mask a row would cost more than all the rest
            weight = self.dropout(self.text.weight.T / self.text_scale)
            aspects.append(table.text[rows] @ weight - self.text_mean @ weight)
            present.append(table.told[rows])
        if self.shape.sizes or self.shape.numbers:
            features: Tensor | float = 0.0
            if self.shape.sizes:
                features = self.levels(table.levels[rows] + self.offsets).sum(1)
            if self.shape.numbers:
                numbers = table.numbers[rows]
                missing = ~torch.isfinite(numbers)
                scaled = ((numbers - self.number_mean) / self.number_scale).masked_fill(missing, 0.0).clamp(-10, 10)
                features = features + self.numbers(torch.cat([scaled, missing.to(scaled)], 1))
            assert isinstance(features, Tensor)
            aspects.append(features)
            present.append(torch.ones_like(present[0]))
        return self.fusion(torch.stack(aspects, 1), domain, torch.stack(present, 1))

    def add_ids(self, count: int) -> None:
        """``count`` ids more, which begin at 0: as if unknown."""
        weight = self.id.weight.detach()
        with torch.no_grad():
            self.id = nn.Embedding.from_pretrained(torch.cat([weight, weight.new_zeros(count, weight.shape[1])]), False)


class FoundationNetwork(nn.Module):
    """Logits of samples of all domains, and vectors for retrieval.

    Args:
        user, item: what the sides are made of.
        query: likewise, or None if no sample has a query.
        domains: number of domains.
        text_width: T of the text vectors.
        settings: widths and switches.
    """

    def __init__(
        self,
        user: SideShape,
        item: SideShape,
        query: SideShape | None,
        domains: int,
        text_width: int,
        settings: NetworkSettings | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings = settings or NetworkSettings()
        self.count = domains if settings.adaptation else 1
        width = settings.width
        if width < 2:
            raise ValueError(f"A width of {width} leaves nothing to meet; give at least 2.")
        self.user, self.item = Side(user, text_width, settings), Side(item, text_width, settings)
        self.query = Side(query, text_width, settings) if query else None
        self.no_query = nn.Parameter(torch.zeros(width))
        self.domain = nn.Parameter(torch.randn(self.count, settings.domain_width) * 0.1)
        self.offset = nn.Parameter(torch.zeros(()))
        self.match = nn.Parameter(torch.full((self.count,), 0.1 if query and query.text and item.text else 0.0))
        self.adapt_user = DomainAdaptive(width, self.count) if settings.adaptation else None
        self.adapt_item = DomainAdaptive(width, self.count) if settings.adaptation else None
        self.taste = Taste(user.known, text_width, self.count) if settings.taste and item.text else None
        self.mixture: MixtureOfExperts | None = None
        if settings.experts:
            inputs = 3 * width - 1
            self.mixture = MixtureOfExperts(inputs, self.count, settings.experts, settings.hidden, settings.dropout)

    @property
    def matches(self) -> bool:
        """Whether texts of queries and items are compared directly."""
        return self.query is not None and self.query.shape.text and self.item.shape.text

    def forward(self, tables: Tables, batch: Batch) -> Output:
        """Logits, representations and gates of a batch."""
        domain = batch.domain if self.settings.adaptation else torch.zeros_like(batch.domain)
        user, gates = self._user(tables, batch.user, batch.query, domain)
        item, gates["item"] = self._item(tables, batch.item, domain)
        logit = self.offset + user[:, 0] + item[:, 0] + (user[:, 1:] * item[:, 1:]).sum(1)
        if self.matches:
            asked = batch.query >= 0
            texts = tables.query.text[batch.query[asked]] * tables.item.text[batch.item[asked]]
            cosine = texts.new_zeros(len(logit)).masked_scatter(asked, texts.sum(1))
            logit = logit + MATCH_UNIT * self.match[domain] * cosine
        if self.taste is not None:
            known, items, rows = tables.user.id[batch.user], tables.item, batch.item
            unknown = gates["item"][:, 0] == 0
            logit = logit + self.taste(known, items.text[rows], items.told[rows], domain, unknown)
        if self.mixture is not None:
            x = torch.cat([user, item, user[:, 1:] * item[:, 1:]], 1)
            logit = logit + self.mixture(x, domain)
        return Output(logit, user, item, gates)

    def _user(self, tables: Tables, rows: Tensor, query: Tensor, domain: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        embedded = self.domain[domain]
        vector, gates = self.user(tables.user, rows, embedded)
        found = {"user": gates}
        if self.query is not None:
            asked = (query >= 0)[:, None]
            if len(tables.query.id):
                asking, gates = self.query(tables.query, query.clamp_min(0), embedded)
            else:
                asking, gates = torch.zeros_like(vector), vector.new_zeros(len(rows), len(self.query.fusion.names))
            vector = vector + torch.where(asked, asking, self.no_query)
            found["query"] = gates * asked
        return (self.adapt_user(vector, domain) if self.adapt_user else vector), found

    def _item(self, tables: Tables, rows: Tensor, domain: Tensor) -> tuple[Tensor, Tensor]:
        vector, gates = self.item(tables.item, rows, self.domain[domain])
        return (self.adapt_item(vector, domain) if self.adapt_item else vector), gates

    # -- retrieval ----------------------------------------------------------------------------------------------------

    @torch.inference_mode()
    def item_vectors(self, tables: Tables, rows: Tensor, domain: int) -> Tensor:
        """Vectors [n, D + 1] of items in a domain; with tastes [n, D + 2 + 2 T]."""
        item, _ = self._item(tables, rows, self._all(rows, domain))
        parts = [torch.ones(len(rows), 1), item]
        if self.taste is not None:
            items = tables.item
            parts.append(self.taste.items(items.text[rows], items.told[rows], items.id[rows] == 0))
        return torch.cat(parts, 1)

    @torch.inference_mode()
    def user_vectors(self, tables: Tables, rows: Tensor, query: Tensor, domain: int) -> Tensor:
        """Vectors of (user, query), as wide: times :meth:`item_vectors`, the logit but for experts and text match."""
        domains = self._all(rows, domain)
        user, _ = self._user(tables, rows, query, domains)
        parts = [self.offset + user[:, :1], torch.ones(len(rows), 1), user[:, 1:]]
        if self.taste is not None:
            parts.append(self.taste.vectors(tables.user.id[rows], domains))
        return torch.cat(parts, 1)

    def match_weight(self, domain: int) -> float:
        """What the cosine of query and item texts counts in a domain; 0 if they are not compared."""
        return MATCH_UNIT * self.match.tolist()[domain if self.settings.adaptation else 0] if self.matches else 0.0

    def _all(self, rows: Tensor, domain: int) -> Tensor:
        return torch.full_like(rows, domain if self.settings.adaptation else 0)

    # -- growth, priors -----------------------------------------------------------------------------------------------

    def add_domain(self) -> None:
        """One domain more, beginning as the mean of the others; nothing if domains are not told apart."""
        if not self.settings.adaptation:
            return
        self.count += 1
        self.domain, self.match = grown(self.domain), grown(self.match)
        for part in (self.adapt_user, self.adapt_item, self.mixture, self.taste):
            if part is not None:
                part.add_domain()

    def groups(self) -> Iterator[tuple[str, str, nn.Parameter]]:
        """(group, name, parameter) of all parameters; the groups are the keys of :data:`PRECISIONS`."""
        for name, weight in self.named_parameters():
            yield group_of(name), name, weight

    def penalty(self, anchors: dict[str, Tensor] | None = None) -> Tensor:
        """Minus the log density of the Gaussian priors, but for a constant: to be added to the loss of all samples.

        ``anchors`` are the priors' means, zeros where a parameter has none.
        """
        total = self.offset.new_zeros(())
        for group, name, weight in self.groups():
            if PRECISIONS[group] and weight.requires_grad:
                away = weight - anchors[name] if anchors and name in anchors else weight
                total = total + PRECISIONS[group] / 2 * away.square().sum()
        return total


def group_of(name: str) -> str:
    """The group a parameter of that name belongs to; a key of :data:`PRECISIONS`."""
    parts = name.split(".")
    if parts[0] in ("user", "item", "query"):
        return {"id": "ids", "text": "text", "fusion": "fusion"}.get(parts[1], "sparse")
    if parts[0] in ("adapt_user", "adapt_item"):
        # the maps that domains share are no more in need of shrinking than a basis
        return "head" if parts[1] in ("inward", "outward") else "adaptation"
    if parts[0] == "mixture":
        return "experts" if parts[1] == "experts" else "towers"
    return "head"
