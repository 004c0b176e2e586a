"""A log of who took what, beside its catalogue, in ``recommend``: learned from, asked for a customer, explained.

A customer is a user of the log, by the id that the log has. Reading is in :mod:`log_reading`, learning in
:mod:`log_model`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bethink.tools.contract import ToolContext
from bethink.tools.recommendation.catalogue import Catalogue
from bethink.tools.recommendation.explain import Explanation, explain
from bethink.tools.recommendation.index import merge, search
from bethink.tools.recommendation.log_model import Learned, learn
from bethink.tools.recommendation.log_reading import Log
from bethink.tools.recommendation.profile import Feedback, Profile
from bethink.tools.recommendation.samples import NO_QUERY, Floats, Ints, Samples

if TYPE_CHECKING:
    from bethink.tools.recommendation.text_features import TextFeatures
    from bethink.tools.recommendation.tool import LogReadAs

CANDIDATES = 200
"""Items retrieved by dot product, for the model to rank."""
MOST_LIKES = 8
"""Titles of likes that are named."""
OF_NEWCOMERS = 3.0
"""Weight of what somebody new says beside what the model ranks first for anybody; 1 for a customer of the log."""


@dataclass(frozen=True, eq=False)
class Customer:
    """A user of a log and what was learned of the log.

    Args:
        log: as read.
        learned: of it.
        catalogue: its items.
        name: the id that was asked for, None for nobody.
        number: of the user in the log's samples, -1 for one it does not have.
        liked: items that the customer took, the latest last.
        had: those, and all that they rated.
    """

    log: Log
    learned: Learned
    catalogue: Catalogue
    name: str | None
    number: int
    liked: tuple[int, ...]
    had: tuple[int, ...]

    @property
    def known(self) -> bool:
        """Whether the log has rows of that customer."""
        return self.number >= 0

    @property
    def feedback(self) -> list[Feedback]:
        """What stands for the model where there is none: the customer's likes."""
        return [] if self.learned.model else [Feedback(item, "like") for item in self.liked]

    def notes(self) -> list[str]:
        """What is to be known, the most important first."""
        found = []
        if self.learned.reason:
            found.append(self.learned.reason)
        if self.name is not None and not self.known:
            how = "as somebody new, by the model" if self.learned.model else "by taste"
            found.append(f"The log has no row of a customer “{self.name[:80]}”: the list is made {how}.")
        scores = self.learned.scores
        if scores is not None:
            if scores.auc is None or scores.popularity_auc is None:
                found.append("Too few rows were held out to say how good the model is.")
            elif scores.auc <= scores.popularity_auc:
                found.append(
                    f"The model is not better than popularity on held-out rows (AUC {scores.auc:g} against "
                    f"{scores.popularity_auc:g}): take its list as a guess."
                )
            if scores.drawn_negatives:
                found.append(
                    "The log only says what was taken: AUC compares that with items drawn by chance, and scores are "
                    "for ranking only."
                )
        return [*found, *self.log.notes]

    def read_as(self) -> LogReadAs:
        """How the log was understood, and what was learned."""
        from bethink.tools.recommendation.tool import LogReadAs

        samples, scores = self.log.samples, self.learned.scores
        return LogReadAs(
            source=self.log.name,
            rows=self.log.rows,
            used=0 if samples is None else len(samples),
            likes=0 if samples is None else int(samples.label.sum()),
            users=0 if samples is None else len(np.unique(samples.user)),
            items=0 if samples is None else len(np.unique(samples.item)),
            label=self.log.label,
            columns=self.log.columns,
            left_out=self.log.left_out,
            customer="none" if self.name is None else "known" if self.known else "unknown",
            customer_id=self.name,
            customer_had=len(self.had),
            trained=self.learned.model is not None,
            cached=self.learned.cached,
            training_seconds=scores.seconds if scores else None,
            auc=scores.auc if scores else None,
            popularity_auc=scores.popularity_auc if scores else None,
            held_out=scores.held_out if scores else 0,
            drawn_negatives=scores.drawn_negatives if scores else 0,
        )

    def likes(self) -> list[str]:
        """Titles of what the customer took last."""
        return (
            [self.catalogue.titles[item] for item in reversed(self.liked[-MOST_LIKES:])] if self.learned.model else []
        )

    # -- ranking ------------------------------------------------------------------------------------------------------

    def ranked(
        self, k: int, allowed: NDArray[np.bool_], had: Sequence[int], taste: Sequence[int]
    ) -> list[tuple[int, float]]:
        """The best k items with the model's chances; nothing of ``had``.

        Args:
            k: how many.
            allowed: which items may be found [N].
            had: items that may not.
            taste: items by taste, best first, that have a say beside the model; empty for none.
        """
        assert self.learned.model is not None
        model, items = self.learned.model, self.catalogue.items
        person = self._person()
        homes = self._homes()
        places, scores = [], []
        for number, domain in enumerate(model.domains):
            inside = np.flatnonzero((homes == number) & allowed)
            if not len(inside):
                continue
            vectors = model.item_vectors(items, domain, inside)
            closed = np.flatnonzero(np.isin(inside, np.asarray(had, np.int64)))
            found, near = search(vectors, model.user_vectors(person, domain), CANDIDATES, exclude=[closed])
            places.append(inside[found[0][found[0] >= 0]])
            scores.append(near[0][found[0] >= 0])
        if not places:
            return []
        nearest = np.argsort(-np.concatenate(scores), kind="stable")[:CANDIDATES]
        candidates = np.concatenate(places)[nearest]
        order = candidates[np.argsort(-self._chances(candidates), kind="stable")]
        weights = [1.0, 1.0 if self.known else OF_NEWCOMERS]
        chosen = merge([order, taste], k, weights=weights) if taste else order[:k]
        return list(zip(chosen.tolist(), self._chances(chosen).tolist(), strict=True))

    def because(self, place: int, vectors: Floats, reasons: Explanation | None) -> list[str]:
        """Why an item is on the list: what the customer took that is near, what they said, and what the model weighed.

        Args:
            place: the item.
            vectors: of the items, unit [N, d].
            reasons: of what was said, if anything was.
        """
        found = []
        liked = [item for item in self.liked if item != place]
        if liked:
            nearness = vectors[liked] @ vectors[place]
            best = int(np.argmax(nearness))
            title = self.catalogue.titles[liked[best]]
            found.append(
                f"Of what customer {self.name} took, {title} is nearest to it (similarity {nearness[best]:.2f})."
            )
        if reasons is not None:
            # the customer's own likes are told above
            told = zip(reasons.sentences, [*reasons.reasons, *[None] * len(reasons.sentences)], strict=False)
            found += [text for text, reason in told if reason is None or reason.item not in self.liked][:2]
        if self.learned.model is not None:
            gates = self.learned.model.gates(self._asked(np.array([place])))["item"]
            shares = dict(zip(gates.names, gates.values[0].astype(float).tolist(), strict=True))
            if any(shares.values()):
                nobody = Profile(np.zeros(vectors.shape[1], np.float32), ())
                found += explain(place, nobody, self.catalogue, vectors, gates=shares).sentences
        return found

    def _person(self) -> Any:
        from bethink.tools.recommendation.entities import nameless

        return nameless([self.name if self.known and self.name is not None else ""])

    def _homes(self) -> Ints:
        """Of each item the number of its domain in the model [N]; the largest domain where it has none there."""
        model, samples = self.learned.model, self.log.samples
        assert model is not None
        assert samples is not None
        sizes = np.bincount(samples.domain, minlength=len(samples.domains))
        ordered = [samples.domains[number] for number in np.argsort(-sizes, kind="stable")]
        largest = next(name for name in ordered if name in model.domains)
        table = [model.domains.index(name if name in model.domains else largest) for name in self.catalogue.domains]
        return np.array(table, np.int64)[self.catalogue.domain]

    def _asked(self, places: Ints) -> Samples:
        assert self.learned.model is not None
        nothing = np.zeros(len(places), np.int64)
        return Samples(
            user=nothing,
            item=places,
            domain=self._homes()[places],
            label=nothing.astype(np.float32),
            query=nothing + NO_QUERY,
            users=self._person(),
            items=self.catalogue.items,
            queries=(),
            domains=self.learned.model.domains,
        )

    def _chances(self, places: Ints) -> NDArray[np.float64]:
        assert self.learned.model is not None
        return self.learned.model.predict(self._asked(places))


def customer_of(
    log: Log, name: str | None, catalogue: Catalogue, features: TextFeatures, context: ToolContext
) -> Customer:
    """Learn from the log, and look the customer up.

    Raises:
        ToolError: ``cancelled``; ``invalid_input`` for a log that nothing can be drawn from.
    """
    learned = learn(log.samples, log.key, features, context)
    name = name.strip() if name is not None else None
    number, liked, had = -1, np.zeros(0, np.int64), np.zeros(0, np.int64)
    if log.samples is not None and name:
        found = np.flatnonzero(log.samples.users.ids == name)
        if len(found):
            number = int(found[0])
            rows = np.flatnonzero(log.samples.user == number)
            if log.samples.time is not None:
                rows = rows[np.argsort(log.samples.time[rows], kind="stable")]
            liked = log.samples.item[rows[log.samples.label[rows] > 0]]
            had = log.samples.item[rows] if log.rated else liked
    return Customer(log, learned, catalogue, name, number, tuple(liked.tolist()), tuple(np.unique(had).tolist()))
