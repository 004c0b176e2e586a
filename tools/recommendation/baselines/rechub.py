"""Networks of torch-rechub as baselines: shared bottom, MMoE, PLE, DeepFM and DCNv2.

Needs the extra: ``pip install 'bethink[rechub]'``. The networks are theirs, the training loop is ours. In the first
three each domain is a task with a tower of its own, and a sample counts for its domain's alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from torch import Tensor, nn

from bethink.tools.recommendation.baselines.networks import DOMAIN, NetworkBaseline, Settings

NAMES = ("shared_bottom", "mmoe", "ple", "deepfm", "dcnv2")


class Rechub(NetworkBaseline):
    """Subclasses name the network."""

    name = ""

    def make(self, sizes: tuple[int, ...], width: int, domains: int) -> nn.Module:
        """The network of torch-rechub.

        Raises:
            ImportError: torch-rechub is not installed.
        """
        return rechub_network(self.name, sizes, width, domains, self.settings)


class SharedBottom(Rechub):
    """One network below, a tower for each domain (Caruana 1997)."""

    name = "shared_bottom"


class MMoE(Rechub):
    """Four experts, a gate and a tower for each domain (Ma et al. 2018)."""

    name = "mmoe"


class PLE(Rechub):
    """One level of two shared experts and one of each domain's own, with gates and towers (Tang et al. 2020)."""

    name = "ple"


class DeepFM(Rechub):
    """A factorisation machine of ids and sparse features beside a network of everything (Guo et al. 2017)."""

    name = "deepfm"


class DCNv2(Rechub):
    """Three low-rank cross layers beside a network (Wang et al. 2021)."""

    name = "dcnv2"


def rechub_network(name: str, sizes: tuple[int, ...], width: int, domains: int, settings: Settings) -> nn.Module:
    """A module from columns [n, len(sizes)] and dense [n, width] to chances [n].

    Raises:
        ImportError: torch-rechub is not installed.
        ValueError: a name that is not among ``NAMES``.
    """
    if name not in NAMES:
        raise ValueError(f"There is no network {name!r} here; choose from {', '.join(NAMES)}.")
    theirs = _rechub()
    sparse = [
        theirs.SparseFeature(f"column{number}", size, settings.embedding, padding_idx=0 if number < DOMAIN else None)
        for number, size in enumerate(sizes)
    ]
    every = [*sparse, theirs.DenseFeature("dense", width)]
    hidden: dict[str, Any] = {"dims": list(settings.hidden), "dropout": settings.dropout}
    towers = [{"dims": [settings.hidden[-1] // 2], "dropout": settings.dropout} for _ in range(domains)]
    tasks = ["classification"] * domains
    made: nn.Module
    if name == "shared_bottom":
        made = theirs.SharedBottom(every, tasks, hidden, towers)
    elif name == "mmoe":
        made = theirs.MMOE(every, tasks, 4, hidden, towers)
    elif name == "ple":
        made = theirs.PLE(every, tasks, 1, 1, 2, hidden, towers)
    elif name == "deepfm":
        made = theirs.DeepFM(every, sparse, hidden)
    else:
        made = theirs.DCNv2(every, 3, hidden)
    return Named(made, [feature.name for feature in sparse])


class Named(nn.Module):
    """Gives a network of torch-rechub its columns by name, and takes the sample's own of many towers."""

    def __init__(self, network: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.network, self.names = network, names

    def forward(self, columns: Tensor, dense: Tensor) -> Tensor:
        """Chances [n] of columns [n, names] and dense [n, width]."""
        if len(columns) == 1:  # their cross layers squeeze the batch away
            return self(columns.repeat(2, 1), dense.repeat(2, 1))[:1]
        named = {name: columns[:, number] for number, name in enumerate(self.names)}
        chances = self.network({**named, "dense": dense})
        return chances if chances.ndim == 1 else chances.gather(1, columns[:, DOMAIN : DOMAIN + 1]).squeeze(1)


def _rechub() -> SimpleNamespace:
    names = {
        "basic.features": ("DenseFeature", "SparseFeature"),
        "models.multi_task": ("SharedBottom", "MMOE", "PLE"),
        "models.ranking": ("DeepFM", "DCNv2"),
    }
    found: dict[str, Any] = {}
    for module, kinds in names.items():
        try:
            theirs = import_module(f"torch_rechub.{module}")
        except ImportError as error:
            raise ImportError("torch-rechub is not installed. Try: pip install 'bethink[rechub]'") from error
        found |= {kind: getattr(theirs, kind) for kind in kinds}
    return SimpleNamespace(**found)
