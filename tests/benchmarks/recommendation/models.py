"""Every model of the benches behind one protocol: ours, ours without a part, and the baselines; and what is tuned."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import fields, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bethink.tools.recommendation.baselines import BASELINES, NETWORKS, baseline
from bethink.tools.recommendation.baselines.features import Texts
from bethink.tools.recommendation.baselines.protocol import Baseline, Progress, quiet
from bethink.tools.recommendation.samples import Samples
from tests.benchmarks.recommendation import data
from tests.benchmarks.recommendation.judging import OURS

ABLATIONS: dict[str, dict[str, Any]] = {
    "without text": {"text": False},
    "without gating": {"gating": "mean"},
    "without domain adaptation": {"adaptation": False},
}
"""Settings of ours that leave a part out; the others are those chosen for ours as a whole."""
WITHOUT_TASTE = "ours without tastes"
"""Ours as it is without what it makes of users' histories in the space of texts; shown, no bar."""
WITH_TASTES = {"boosting, our tastes": "boosting", "star, our tastes": "star"}
"""Baselines that are given our tastes as a feature, which is a part of our model and not of theirs; shown, no bar."""
MODELS = (OURS, *ABLATIONS, WITHOUT_TASTE, *BASELINES, *WITH_TASTES)
NETWORK_GRID: tuple[dict[str, Any], ...] = tuple(
    {"rate": rate, "id_dropout": 0.3, "weight_decay": decay, "batch": 1024}
    for rate, decay in ((1e-3, 1e-5), (3e-3, 1e-5), (3e-3, 1e-6), (1e-2, 1e-5))
)
"""Settings tried for each network of the baselines."""
OURS_GRID: tuple[dict[str, Any], ...] = tuple(
    {"id_dropout": dropped, "width": width, "members": 2} for dropped, width in product((0.15, 0.3), (17, 33))
)
"""Settings tried for ours, as many."""
GRIDS = {OURS: OURS_GRID, **dict.fromkeys(NETWORKS, NETWORK_GRID)}
TUNED = tuple(GRIDS)


class Ours:
    """`Foundation`, one network, behind the baselines' protocol.

    Args:
        settings: of its network, its training, or itself, by name.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        from bethink.tools.recommendation.foundation import Foundation
        from bethink.tools.recommendation.model import NetworkSettings
        from bethink.tools.recommendation.training import TrainingSettings

        groups = [NetworkSettings, TrainingSettings]
        parts = [kind(**{f.name: settings[f.name] for f in fields(kind) if f.name in settings}) for kind in groups]
        rest = set(settings) - {f.name for kind in groups for f in fields(kind)}
        self.model = Foundation(data.features(), *parts, **{name: settings[name] for name in rest})

    def fit(
        self,
        samples: Samples,
        valid: Samples,
        *,
        seed: int,
        max_seconds: float | None = None,
        progress: Progress = quiet,
    ) -> Ours:
        """Learn."""
        self.model.fit(samples, valid, seed=seed, max_seconds=max_seconds, progress=progress)
        return self

    def finetuned(self, samples: Samples, valid: Samples, *, seed: int, max_seconds: float | None = None) -> Ours:
        """Another model that has learned these samples, too; this one stays as it is."""
        made = deepcopy(self)
        made.model.finetune(samples, valid, seed=seed, max_seconds=max_seconds)
        return made

    def predict(self, samples: Samples) -> NDArray[np.float64]:
        """Chances [n]; in a domain without training samples the mean of what all the others would say, as baselines."""
        known = [number for number, name in enumerate(samples.domains) if name in self.model.domains]
        unseen, chances = ~np.isin(samples.domain, known), np.empty(len(samples))
        if (~unseen).any():
            chances[~unseen] = self.model.predict(samples.rows(~unseen))
        if unseen.any():
            some = samples.rows(unseen)
            as_others = [replace(some, domain=np.full(len(some), number)) for number in known]
            chances[unseen] = np.mean([self.model.predict(each) for each in as_others], axis=0)
        return chances


def model(name: str, texts: Texts, settings: Mapping[str, Any]) -> Baseline:
    """A new one, by its name in the tables."""
    if name == OURS or name in ABLATIONS:
        return Ours({**settings, **ABLATIONS.get(name, {})})
    if name == WITHOUT_TASTE:
        return Ours({**settings, "taste": False})
    if name in WITH_TASTES:
        return baseline(WITH_TASTES[name], texts, settings, tastes=True)
    return baseline(name, texts, settings)


def tuned_as(name: str) -> str:
    """The model whose settings it takes."""
    return OURS if name in ABLATIONS or name == WITHOUT_TASTE else WITH_TASTES.get(name, name)
