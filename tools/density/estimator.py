"""`DiffusionDensity`: a scikit-learn estimator that says how likely rows are, and makes more like them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from bethink.tools.density.checks import LEAST_ROWS, TableError, check_kind, check_size, check_table, tied_columns
from bethink.tools.density.diffusion import labels as ode_labels
from bethink.tools.density.mixture import draw, log_density, rescaled, smooth
from bethink.tools.density.network import Map, train_map
from bethink.tools.density.scaling import clipped_deviation, robust_scaling
from bethink.tools.density.selection import choose, find_clusters

PAIR_WORK = 2e9
"""Labels by default are as many as cost that many kernel evaluations."""
LEAST_LABELS, MOST_LABELS = 10_000, 40_000
HELD_OUT_ROWS = 1500
"""Held-out rows by which clusters and bandwidth are chosen, at most."""


def default_widths(columns: int) -> tuple[int, ...]:
    """Widths of the network's layers for that many columns."""
    return (64, 64, 64) if columns <= 4 else (128, 128, 128)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) >= least


class DiffusionDensity(DensityMixin, BaseEstimator):
    """Density by a training-free diffusion, and a small network that samples from it in one pass.

    Liu, Yang, Zhang, Bao, Cao, Zhang, arXiv 2310.14458: the diffused sample's score is known in closed form, its
    reverse ODE pairs noise y with data x, and a plain network F: y -> x learns the pairs. Where this departs from the
    paper: the ODE starts from the *smoothed* sample (`bethink.tools.density.mixture`), whose bandwidth and clusters
    are chosen by held-out likelihood, so that it neither ends in the training rows nor lacks a density; its steps are
    exact in the schedule; the network stops early.

    Args:
        clusters: number of Gaussian clusters that shape the kernels; ``"auto"`` tries 1 to 128.
        bandwidth: width h in (0, 1] of a kernel in units of its cluster's spread; ``"auto"`` tries 0.02 to 1.
        rows: at most that many rows become kernels (a random subset of a larger table).
        labels: number of pairs the network learns from; ``"auto"`` takes 10,000 to 40,000, fewer where each costs more;
            0 makes no network, for those who want the density alone.
        hidden: widths of the network's layers; ``"auto"`` is three of 64, or of 128 for more than 4 columns.
        ode_steps: steps of the reverse ODE.
        network_steps: batches of 512 pairs the network is trained with, at most.
        max_seconds: the network's training ends then at the latest; results then depend on the machine's speed.
        validation_fraction: share of the rows held out for choosing.
        device: ``"cpu"``, ``"cuda"``, or None for a GPU where there is one.
        random_state: seed.
        progress: called with a share in [0, 1] and a sentence; what it raises stops the fit.

    Attributes:
        n_features_in_, clusters_ and bandwidth_ (of the layer with the largest share), stack_ (clusters, bandwidth,
        share of every layer), wide_ (share of the wide background kernel), mixture_ (the kernels in
        standardised units), scaling_, network_, validation_log_likelihood_ (nats a row, in the data's units),
        choices_ (clusters, bandwidth, log-likelihood tried), history_ (steps, seconds, held-out error of the network),
        label_seconds_, train_seconds_, fit_seconds_, network_error_ (the best of these errors, as a share
        of the data's variance), tied_columns_ (columns most of whose values repeat), n_conditions_in_.

    Cost: choosing is held-out rows x rows x clusters tried; labels are pairs x rows x ode_steps kernel evaluations;
    memory is the table, the pairs, and one block of logits.

    Example:
        >>> import numpy as np
        >>> rows = np.random.default_rng(0).normal(size=(500, 2))
        >>> model = DiffusionDensity(labels=2000, network_steps=200, random_state=0).fit(rows)
        >>> model.sample(3).shape, model.log_prob(rows[:4]).shape
        ((3, 2), (4,))
    """

    def __init__(
        self,
        *,
        clusters: int | Literal["auto"] = "auto",
        bandwidth: float | Literal["auto"] = "auto",
        rows: int = 20_000,
        labels: int | Literal["auto"] = "auto",
        hidden: Sequence[int] | Literal["auto"] = "auto",
        ode_steps: int = 20,
        network_steps: int = 2000,
        max_seconds: float | None = None,
        validation_fraction: float = 0.2,
        device: str | None = None,
        random_state: int | np.random.RandomState | None = None,
        progress: Callable[[float, str], None] | None = None,
    ) -> None:
        self.clusters = clusters
        self.bandwidth = bandwidth
        self.rows = rows
        self.labels = labels
        self.hidden = hidden
        self.ode_steps = ode_steps
        self.network_steps = network_steps
        self.max_seconds = max_seconds
        self.validation_fraction = validation_fraction
        self.device = device
        self.random_state = random_state
        self.progress = progress

    def fit(self, X: Any, y: Any = None, conditions: Any = None) -> DiffusionDensity:
        """Estimate the density of rows X (n, d), given conditions (n, q) where there are any. ``y`` is ignored.

        Raises:
            TableError: a table without a density (a `ValueError`; its ``hint`` says what to do).
            ValueError: NaN, infinity, text, a wrong shape, or a parameter out of range.
        """
        begun = time.perf_counter()
        self.__dict__.pop("fit_seconds_", None)  # a fit that is stopped leaves nothing to take for fitted
        self._check_parameters()
        check_kind(X)
        table = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        given = self._conditions(conditions, len(table))
        self.n_conditions_in_ = given.shape[1]
        report = self.progress or (lambda share, message: None)
        report(0.0, "Scaling the columns")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        joint = np.hstack([given, table])
        check_size(joint, self._labels())
        joint = joint[np.random.default_rng(seed).permutation(len(joint))[: self.rows]]
        check_table(joint, self._labels())
        self.tied_columns_ = tied_columns(joint[:, self.n_conditions_in_ :])
        self.scaling_ = robust_scaling(joint)
        rows = self.scaling_.apply(joint)
        self._fit_mixture(rows, seed, lambda share, message: report(0.3 * share, message))
        self._fit_network(rows, seed, lambda share, message: report(0.3 + 0.7 * share, message))
        self.fit_seconds_ = time.perf_counter() - begun
        report(1.0, "Fitted")
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "fit_seconds_")

    def _check_parameters(self) -> None:
        """Raises a ValueError that names the parameter and what it may be."""
        automatic = (isinstance(self.hidden, str) and self.hidden == "auto") or (
            isinstance(self.hidden, Sequence)
            and not isinstance(self.hidden, str)
            and len(self.hidden) > 0
            and all(_is_whole(width, 1) for width in self.hidden)
        )
        checks = {
            "clusters": (self.clusters == "auto" or _is_whole(self.clusters, 1), "'auto' or a whole number from 1"),
            "bandwidth": (
                self.bandwidth == "auto" or (_is_number(self.bandwidth) and 0 < float(self.bandwidth) <= 1),
                "'auto' or a number in (0, 1]",
            ),
            "labels": (
                self.labels == "auto" or self.labels == 0 or _is_whole(self.labels, 20),
                "'auto', a whole number from 20, or 0 for no network",
            ),
            "rows": (_is_whole(self.rows, LEAST_ROWS), f"a whole number from {LEAST_ROWS}"),
            "hidden": (automatic, "'auto' or a sequence of widths from 1"),
            "ode_steps": (_is_whole(self.ode_steps, 2), "a whole number from 2"),
            "network_steps": (_is_whole(self.network_steps, 1), "a whole number from 1"),
            "max_seconds": (
                self.max_seconds is None or (_is_number(self.max_seconds) and self.max_seconds > 0),
                "None or a number above 0",
            ),
            "validation_fraction": (
                _is_number(self.validation_fraction) and 0 < self.validation_fraction <= 0.5,
                "a number in (0, 0.5]",
            ),
        }
        for name, (fine, wanted) in checks.items():
            if not fine:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be {wanted}.")

    def _labels(self) -> list[str]:
        """What messages call the columns: conditions first."""
        named = getattr(self, "feature_names_in_", None)
        own = [f"Column {i}" for i in range(self.n_features_in_)] if named is None else [f"Column {n!r}" for n in named]
        return [f"Condition {i}" for i in range(self.n_conditions_in_)] + own

    def _conditions(self, conditions: Any, count: int) -> np.ndarray:
        if conditions is None:
            return np.empty((count, 0))
        check_kind(conditions)
        given = check_array(conditions, dtype=np.float64, input_name="conditions")
        if len(given) != count:
            raise ValueError(f"There are {len(given)} conditions for {count} rows; give one row of them a row.")
        return given

    def _fit_mixture(self, rows: np.ndarray, seed: int, progress: Callable[[float, str], None]) -> None:
        """Choose clusters and bandwidth on rows held out, then put a kernel on every row."""
        kept = min(HELD_OUT_ROWS, max(2, int(self.validation_fraction * len(rows))))
        train, held_out = rows[kept:], rows[:kept]
        # a held-out copy of a training row would ask for an endlessly narrow kernel
        seen = {row.tobytes() for row in train}
        fresh = np.array([row.tobytes() not in seen for row in held_out])
        if fresh.sum() < 2:
            message = f"Nearly all of {kept} rows held out are copies of other rows."
            raise TableError(message, "Leave out the copies, or count them: they are categories, not a density.")
        held_out = held_out[fresh]
        clusters = None if self.clusters == "auto" else int(self.clusters)
        if clusters and clusters > len(train):
            raise ValueError(f"{clusters} clusters need more than {len(train)} rows; ask for fewer.")
        bandwidth = None if self.bandwidth == "auto" else float(self.bandwidth)
        choice = choose(train, held_out, clusters, bandwidth, seed, progress)
        first = choice.layers[0]
        self.clusters_, self.bandwidth_, self.wide_ = len(first.clusters.means), first.bandwidth, choice.wide
        self.stack_ = [(len(layer.clusters.means), layer.bandwidth, layer.share) for layer in choice.layers]
        self.choices_ = choice.table
        self.validation_log_likelihood_ = choice.log_likelihood - self.scaling_.log_volume
        progress(1.0, f"{self.clusters_} clusters, bandwidth {self.bandwidth_:g}")
        again = {k: layer.clusters for layer in choice.layers if (k := len(layer.clusters.means))}
        again = {count: find_clusters(rows, count, seed, start) for count, start in again.items()}
        layers = [replace(layer, clusters=again[len(layer.clusters.means)]) for layer in choice.layers]
        self.mixture_ = smooth(layers, self.n_conditions_in_, choice.wide, seed)

    def _fit_network(self, rows: np.ndarray, seed: int, progress: Callable[[float, str], None]) -> None:
        """Label noise by the reverse ODE, and train F on the pairs."""
        self.history_, self.network_error_ = [], math.nan
        self.label_seconds_ = self.train_seconds_ = 0.0
        self.network_: Map | None = None
        count = self._label_count()
        if not count:
            return
        begun = time.perf_counter()
        device = self._device()
        # the ODE's times are made for columns of deviation 1, which heavy tails are not in units of their quartiles
        unit = clipped_deviation(rows[:, self.n_conditions_in_ :])
        mixture = rescaled(self.mixture_, unit).to(torch.float32, device)
        generator = torch.Generator(device).manual_seed(seed)
        noise = torch.randn(count, self.n_features_in_, generator=generator, device=device)
        given: torch.Tensor | None = None
        if self.n_conditions_in_:
            drawn = draw(mixture, count, generator)
            given = drawn[:, : self.n_conditions_in_].contiguous()

        def labelled(share: float) -> None:
            progress(0.4 * share, f"Labelling {count:,} draws of noise")

        data = ode_labels(mixture, noise, self.ode_steps, given, labelled)
        data = data * torch.from_numpy(unit).to(data)
        self.label_seconds_ = time.perf_counter() - begun
        begun = time.perf_counter()
        network, training = train_map(
            noise,
            data,
            given,
            self._widths(),
            self.network_steps,
            max_seconds=self.max_seconds,
            seed=seed,
            progress=lambda share, message: progress(0.4 + 0.6 * share, message),
        )
        self.network_, self.history_, self.network_error_ = network, training.history, training.error
        self.train_seconds_ = time.perf_counter() - begun

    def _widths(self) -> tuple[int, ...]:
        return default_widths(self.n_features_in_) if self.hidden == "auto" else tuple(self.hidden)

    def _label_count(self) -> int:
        if self.labels != "auto":
            return int(self.labels)
        return int(np.clip(PAIR_WORK / (self.mixture_.work * self.ode_steps), LEAST_LABELS, MOST_LABELS))

    def _device(self) -> torch.device:
        return torch.device(self.device or ("cuda" if torch.cuda.is_available() else "cpu"))

    def log_prob(self, X: Any, conditions: Any = None) -> np.ndarray:
        """Log density (n,) of rows X (n, d), in nats and the data's own units; given conditions (n, q) if fitted so.

        That of the smoothed sample: exact and normalised; its bias is the kernels' width. The network's samples follow
        it as closely as the network has learnt (`network_error_`).

        Raises:
            ValueError: not fitted, NaN, infinity, or a wrong shape.
        """
        check_is_fitted(self)
        table = validate_data(self, X, dtype=np.float64, reset=False)
        given = self._given(conditions, len(table))
        scaled = self.scaling_.apply(np.hstack([given, table]))
        q = self.n_conditions_in_
        x, c = torch.from_numpy(scaled[:, q:]), torch.from_numpy(scaled[:, :q]) if q else None
        device = self._device()
        if device.type != "cpu":
            x, c = x.to(device), None if c is None else c.to(device)
        found = log_density(self.mixture_.to(device=device), x, c).cpu().numpy()
        return found - float(np.log(self.scaling_.scale[q:]).sum())

    def _given(self, conditions: Any, count: int) -> np.ndarray:
        if (conditions is None) != (not self.n_conditions_in_):
            wanted = f"{self.n_conditions_in_} conditions a row" if self.n_conditions_in_ else "no conditions"
            raise ValueError(f"The density was fitted with {wanted}; give the same here.")
        given = self._conditions(conditions, count)
        if given.shape[1] != self.n_conditions_in_:
            raise ValueError(f"{given.shape[1]} conditions a row, but the fit had {self.n_conditions_in_}.")
        return given

    def score_samples(self, X: Any, conditions: Any = None) -> np.ndarray:
        """`log_prob`, by the name scikit-learn gives it."""
        return self.log_prob(X, conditions)

    def score(self, X: Any, y: Any = None, conditions: Any = None) -> float:
        """Mean log density a row. (GaussianMixture's score is the mean, KernelDensity's the sum.)"""
        return float(self.log_prob(X, conditions).mean())

    def sample(self, n_samples: int = 1, conditions: Any = None, random_state: int | None = None) -> np.ndarray:
        """New rows (n_samples, d), by one pass through the network; ``conditions`` (n_samples, q) or one row of them.

        An estimator made with a whole number as seed gives the same rows at every call; give another ``random_state``
        for others.

        Raises:
            ValueError: not fitted, fewer than 1 sample, or conditions of a wrong shape.
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(f"{n_samples} samples were asked for; ask for at least 1.")
        if self.network_ is None:
            raise ValueError("The fit had labels=0, so there is no network; use sample_smoothed, or fit with labels.")
        seed = int(check_random_state(self.random_state if random_state is None else random_state).randint(2**31 - 1))
        device = self._device()
        generator = torch.Generator(device).manual_seed(seed)
        noise = torch.randn(n_samples, self.n_features_in_, generator=generator, device=device)
        given: torch.Tensor | None = None
        q = self.n_conditions_in_
        if q or conditions is not None:
            rows = None if conditions is None else np.atleast_2d(np.asarray(conditions, dtype=np.float64))
            if rows is not None and len(rows) == 1:
                rows = np.repeat(rows, n_samples, axis=0)
            scaled = (self._given(rows, n_samples) - self.scaling_.centre[:q]) / self.scaling_.scale[:q]
            given = torch.from_numpy(scaled).to(noise)
        found = self.network_.to(device).sample(noise, given).cpu().numpy().astype(np.float64)
        found *= self.scaling_.scale[q:]
        found += self.scaling_.centre[q:]
        return found

    def sample_smoothed(self, n_samples: int = 1, random_state: int | None = None) -> np.ndarray:
        """Exact draws (n_samples, d) of the density that `log_prob` gives, without the network and its error.

        Of an estimator fitted with conditions: draws of x, whatever the conditions.

        Raises:
            ValueError: not fitted, or fewer than 1 sample.
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(f"{n_samples} samples were asked for; ask for at least 1.")
        seed = int(check_random_state(self.random_state if random_state is None else random_state).randint(2**31 - 1))
        drawn = draw(self.mixture_, n_samples, torch.Generator().manual_seed(seed)).numpy()
        return self.scaling_.undo(drawn)[:, self.n_conditions_in_ :]
