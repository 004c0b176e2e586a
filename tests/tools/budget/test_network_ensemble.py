from __future__ import annotations

import pytest
import torch

from bethink.tools.budget.network_ensemble import Fitting, NetworkEnsemble, descend, pick_device

INPUTS = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))


def trained(members: int, batch: int = 100) -> tuple[NetworkEnsemble, float]:
    """Networks that learned a product and a sum, and how far off they are."""
    wanted = torch.stack([INPUTS[:, 0] * INPUTS[:, 1], INPUTS.sum(1)], 1)
    network = NetworkEnsemble(members, (3, 32, 2))
    fitting = Fitting(batch=batch, rate=2e-2)

    def loss(picked: torch.Tensor | slice) -> torch.Tensor:
        return ((network(INPUTS[picked]) - wanted[picked]) ** 2).mean()

    descend(network, loss, len(INPUTS), 600, fitting, torch.Generator().manual_seed(0))
    return network, float(loss(slice(None)).detach())


@pytest.mark.parametrize("batch", [100, 10])
def test_networks_learn_from_all_rows_and_from_batches(batch: int) -> None:
    assert trained(2, batch)[1] < 0.05


def test_members_are_networks_of_their_own() -> None:
    network, _ = trained(3)
    together = network(INPUTS)
    for number in range(3):
        parts = [[each[number : number + 1] for each in kind] for kind in (network.weights, network.biases)]
        alone = NetworkEnsemble.of(*parts)(INPUTS)[0]
        torch.testing.assert_close(alone, together[number])
    assert not torch.allclose(together[0], together[1], atol=1e-4)  # they started from different weights


def test_outputs_can_be_picked_and_rescaled() -> None:
    network, _ = trained(2)
    before = network(INPUTS)
    torch.testing.assert_close(network.outputs([1])(INPUTS), before[..., 1:])
    centre, spread = torch.randn(2, 1, 2), torch.rand(2, 1, 2)
    torch.testing.assert_close(network.rescaled(centre, spread)(INPUTS), before * spread + centre)
    torch.testing.assert_close(network(INPUTS), before)


def test_the_last_layer_starts_at_zero() -> None:
    assert not NetworkEnsemble(2, (3, 8, 4))(INPUTS).any()


def test_devices_have_known_names() -> None:
    assert pick_device("cpu").type == "cpu"
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(ValueError, match="no device"):
        pick_device("abacus")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="CUDA"):
            pick_device("cuda")
