"""What our model is compared with, behind one protocol: ``fit(samples, valid, seed=...)`` and ``predict(samples)``.

Counts, text alone, boosted trees, five networks of torch-rechub (the extra ``rechub``) and our own plain STAR. All get
the same samples and features: ids, domain, sparse features, numbers, and the same frozen text vectors.

Example:
    >>> popularity = baseline("popularity", texts)  # doctest: +SKIP
    >>> popularity.fit(train, valid, seed=0).predict(test)  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bethink.tools.recommendation.baselines.protocol import Baseline

if TYPE_CHECKING:
    from bethink.tools.recommendation.baselines.features import Texts

COUNTS = {"popularity": "simple.Popularity", "domain_popularity": "simple.DomainPopularity"}
SHALLOW = {"text_logistic": "text.TextLogistic", "boosting": "boosting.Boosting"}
NETWORKS = {
    "shared_bottom": "rechub.SharedBottom",
    "mmoe": "rechub.MMoE",
    "ple": "rechub.PLE",
    "star": "star.Star",
    "deepfm": "rechub.DeepFM",
    "dcnv2": "rechub.DCNv2",
}
BASELINES = COUNTS | SHALLOW | NETWORKS
"""Names, and where each is."""


def baseline(name: str, texts: Texts, settings: Mapping[str, Any] | None = None, *, tastes: bool = False) -> Baseline:
    """A new one, by its name.

    Args:
        name: one of ``BASELINES``.
        texts: vectors of all items and queries, and of users where they have texts; counts need none.
        settings: of a network, over the defaults of ``networks.Settings``.
        tastes: give a network, or boosting, our model's tastes as a feature.

    Raises:
        ValueError: an unknown name, or settings or tastes for what has none.
        TypeError: a setting that does not exist.
    """
    if name not in BASELINES:
        raise ValueError(f"There is no baseline {name!r}; choose from {', '.join(BASELINES)}.")
    if settings and name not in NETWORKS:
        raise ValueError(f"{name} takes no settings: it chooses its own by validation.")
    if tastes and name not in (*NETWORKS, "boosting"):
        raise ValueError(f"{name} cannot be given tastes; networks and boosting can.")
    module, kind = BASELINES[name].split(".")
    made = getattr(import_module(f"{__name__}.{module}"), kind)
    if name in COUNTS:
        return made()
    if name in SHALLOW:
        return made(texts, taste=True) if tastes else made(texts)
    from bethink.tools.recommendation.baselines.networks import Settings

    return made(texts, Settings(**{**(settings or {}), "taste": tastes}))
