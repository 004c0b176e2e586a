"""What the update of each weight looks like: the paper's analysis by singular values (arXiv 2311.11501, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bethink.models.adapters.layer import MultiLoraLayer


@dataclass(frozen=True)
class Spectrum:
    """Singular values of one update dW, descending, shape (k,)."""

    sigma: np.ndarray

    @property
    def top1_share(self) -> float:
        """sigma_1^2 / sum sigma^2: what the greatest singular vector holds; 0 for an update of zero."""
        energy = self.sigma**2
        return float(energy[0] / energy.sum()) if energy.sum() > 0 else 0.0

    @property
    def effective_rank(self) -> float:
        """exp(-sum p log p) with p = sigma^2 / sum sigma^2 (Roy and Vetterli 2007); 0 for an update of zero."""
        energy = self.sigma**2
        if not energy.sum() > 0:
            return 0.0
        p = energy[energy > 0] / energy.sum()
        return float(np.exp(-(p * np.log(p)).sum()))

    @property
    def norm(self) -> float:
        """The Frobenius norm of dW."""
        return float(np.sqrt((self.sigma**2).sum()))


def spectrum_of(delta: Tensor) -> Spectrum:
    """The spectrum of a whole matrix (out, in); cost out * in * min(out, in)."""
    return Spectrum(torch.linalg.svdvals(delta.detach().float()).cpu().numpy().astype(np.float64))


def of_product(b: Tensor, a: Tensor) -> Spectrum:
    """The spectrum of b a, b (out, k) and a (k, in), without forming the product: two thin QR decompositions."""
    core = torch.linalg.qr(b.double())[1] @ torch.linalg.qr(a.double().t())[1].t()
    return Spectrum(torch.linalg.svdvals(core).cpu().numpy())


@torch.no_grad()
def update_spectrum(model: Any, adapter_name: str = "default") -> dict[str, Spectrum]:
    """The spectrum of each adapted module, for a MultiLoRA or a plain LoRA adapter of PEFT.

    From the factors where they are known (see :func:`bethink.models.adapters.export.truncated`), so the cost is that
    of two thin QR decompositions a module.

    Raises:
        ValueError: the model has no adapter of that name.
    """
    found: dict[str, Spectrum] = {}
    for name, layer in model.named_modules():
        if isinstance(layer, MultiLoraLayer) and adapter_name in layer.multilora_A:
            found[name] = of_product(*layer.factors(adapter_name))
        elif adapter_name in getattr(layer, "lora_A", ()) and hasattr(layer, "get_delta_weight"):
            found[name] = spectrum_of(layer.get_delta_weight(adapter_name))
    if not found:
        raise ValueError(f"No module of this model has an adapter {adapter_name!r}.")
    return found


def subspace_similarity(first: Tensor, second: Tensor, i: int, j: int) -> float:
    """phi(i, j) = ||U_i^T V_j||_F^2 / min(i, j) of the first i and j left singular vectors; from 0 to 1.

    As in LoRA (Hu et al. 2021, arXiv 2106.09685, section 7.2).

    Args:
        first: dW_1 (out, in).
        second: dW_2 (out, in').
        i: how many singular vectors of the first.
        j: how many of the second.

    Raises:
        ValueError: the updates are of other rows, or i or j is not from 1 to the number of singular vectors.
    """
    if first.shape[0] != second.shape[0]:
        raise ValueError(f"Updates of {first.shape[0]} and {second.shape[0]} rows have no subspace in common.")
    for number, matrix in ((i, first), (j, second)):
        if not 1 <= number <= min(matrix.shape):
            raise ValueError(f"A matrix of {tuple(matrix.shape)} has no {number} singular vectors.")
    u = torch.linalg.svd(first.float(), full_matrices=False).U[:, :i]
    v = torch.linalg.svd(second.float(), full_matrices=False).U[:, :j]
    return min(1.0, float(((u.t() @ v) ** 2).sum() / min(i, j)))


def plot_spectra(spectra: Mapping[str, Mapping[str, Spectrum]], path: str | Path) -> Path:
    """Draw the mean spectrum of each method, each module's divided by its greatest value, and the top shares.

    Args:
        spectra: name of the method to what :func:`update_spectrum` found.
        path: the picture.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4.2))
    shares = []
    for name, modules in spectra.items():
        rows = [s.sigma / s.sigma[0] for s in modules.values() if s.norm > 0]
        width = max((len(row) for row in rows), default=0)
        if rows:  # an adapter that was not trained has no update to draw
            padded = np.array([np.pad(row, (0, width - len(row))) for row in rows])
            left.plot(np.arange(1, width + 1), padded.mean(axis=0), label=name)
        shares.append([s.top1_share for s in modules.values() if s.norm > 0])
    left.set(xlabel="singular value", ylabel="mean, the greatest = 1", title="Spectrum of the updates", xlim=(1, 40))
    left.grid(alpha=0.25)
    if left.lines:
        left.legend(fontsize=8)
    right.boxplot(shares, tick_labels=list(spectra), showfliers=False)
    right.set(ylabel="share of the greatest singular value", title="Dominance in each module")
    right.tick_params(axis="x", labelrotation=20, labelsize=8)
    right.grid(alpha=0.25, axis="y")
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
    return Path(path)
