"""What every baseline, and our model beside them, is asked to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bethink.tools.recommendation.samples import Samples

Progress = Callable[[float, str], None]
"""Called with a share in [0, 1] and a sentence; what it raises stops the fit."""


def quiet(share: float, message: str) -> None:
    """Says nothing."""


class Baseline(Protocol):
    """A model of the chance of a click."""

    def fit(
        self,
        samples: Samples,
        valid: Samples,
        *,
        seed: int,
        max_seconds: float | None = None,
        progress: Progress = quiet,
    ) -> Baseline:
        """Learn from ``samples``; ``valid`` decides when to stop and what settings to take.

        Args:
            samples: to learn from.
            valid: other samples of the same users, items, queries and domains.
            seed: of everything random.
            max_seconds: wall time after which a network stops training; the others take the little time they take.
            progress: hears how far it is.

        Raises:
            ValueError: samples that it cannot learn from.
            ImportError: a package of its extra is not installed.
        """
        ...

    def predict(self, samples: Samples) -> NDArray[np.float64]:
        """Chance of label 1 for each sample [n], of the same users, items, queries and domains as those fitted."""
        ...
