"""States that outgrow one device: ensembles split by components over torch's distributed tensors.

Members (M, d) are a :class:`DTensor` with ``Shard(1)`` over a one-dimensional mesh of P ranks: every rank holds all
members of its own neighbouring components. Observations (d,) and truths (d,) are split alike (``Shard(0)``), and must
be of every component by itself (a pointwise operator with stride 1). What a rank sends:

=============================  ==================================================================================
forecast, a time step          2 messages, M x (left + right) x evaluations numbers (12 M for Lorenz-96 with RK4)
analysis, ``own`` prior        1 number, to agree that the input is good; the analysis itself sends nothing
analysis, ``softmax`` prior    1 number, and for each pseudo-time step an all-reduce of M x M numbers
RMSE                           an all-reduce of 1 number
=============================  ==================================================================================

Every function here is called by all ranks of the mesh together. Tested with two processes on one machine's processor
(gloo) only; no GPU was at hand, so nothing is known about NCCL or about speed there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from bethink.tools.filtering.checks import check_input
from bethink.tools.filtering.models import DynamicalSystem
from bethink.tools.filtering.operators import ObservationOperator, PointwiseOperator
from bethink.tools.filtering.score_filter import EnsembleScoreFilter, damping, softmax_score


@dataclass(frozen=True)
class Stencil:
    """How far a tendency looks to either side, in components, and how often one time step evaluates it."""

    left: int
    right: int
    evaluations: int = 4


LORENZ96 = Stencil(left=2, right=1)
"""dx_i/dt needs x_{i-2}, x_{i-1}, x_{i+1}; RK4 evaluates it four times: 8 and 4 neighbours a time step."""


def shard_state(members: Tensor, mesh: DeviceMesh) -> DTensor:
    """Members (M, d) or a truth or observation (d,), whole on rank 0, split by components over ``mesh``.

    Raises:
        ValueError: a mesh that has not one dimension, or a tensor that has neither one nor two.
    """
    _check_mesh(mesh)
    if members.ndim not in (1, 2):
        raise ValueError(f"Give members (M, d) or one state (d,), not {tuple(members.shape)}.")
    return distribute_tensor(members, mesh, [Shard(members.ndim - 1)])


def state_of_shards(shard: Tensor, dimension: int, mesh: DeviceMesh) -> DTensor:
    """The state whose ``shard`` (M, n) or (n,) each rank has made itself: nobody ever holds it whole.

    Shards are torch.chunk's: ceil(dimension / P) components a rank, the last ones fewer (:func:`shard_width`).

    Raises:
        ValueError: a shard of another width.
    """
    _check_mesh(mesh)
    width = shard_width(dimension, mesh.size(), mesh.get_local_rank())
    if shard.shape[-1] != width:
        raise ValueError(f"This rank's shard of {dimension} components must have {width}, not {shard.shape[-1]}.")
    shape = torch.Size((*shard.shape[:-1], dimension))
    stride = (dimension, 1) if shard.ndim == 2 else (1,)
    return DTensor.from_local(shard, mesh, [Shard(shard.ndim - 1)], shape=shape, stride=stride)


def shard_width(dimension: int, ranks: int, rank: int) -> int:
    """Components that ``rank`` holds of ``dimension`` over ``ranks``."""
    chunk = math.ceil(dimension / ranks)
    return min(chunk, max(0, dimension - rank * chunk))


def rank_generator(seed: int, mesh: DeviceMesh) -> torch.Generator:
    """This rank's own stream of chance: results depend on the seed and on the number of ranks."""
    word = int(np.random.SeedSequence([seed, mesh.get_local_rank()]).generate_state(1, np.uint64)[0])
    return torch.Generator(device=mesh.device_type).manual_seed(word >> 1)


@torch.no_grad()
def forecast_sharded(system: DynamicalSystem, members: DTensor, steps: int, stencil: Stencil = LORENZ96) -> DTensor:
    """``steps`` time steps of members (M, d), as :meth:`DynamicalSystem.forecast` makes them from the whole state.

    Each step, every rank borrows from its neighbours all components that its own can feel within the step, moves the
    padded shard and drops the pads. The system must be on a circle, without noise, and its step must take any number
    of components and look no farther than ``stencil`` says.

    Raises:
        ValueError: a system on a line, or shards narrower than the borrowed strips.
    """
    mesh = members.device_mesh
    dimension, ranks = members.shape[-1], mesh.size()
    local = members.to_local()
    if ranks == 1:
        return state_of_shards(system.forecast(local, steps), dimension, mesh)
    left, right = stencil.left * stencil.evaluations, stencil.right * stencil.evaluations
    narrowest = shard_width(dimension, ranks, ranks - 1)
    if not system.periodic:
        raise ValueError(f"The system {system.name!r} is not on a circle, and only such are split over devices.")
    if narrowest < max(left, right):
        raise ValueError(
            f"{dimension} components over {ranks} ranks leave {narrowest} to the last one, but a time step looks "
            f"{max(left, right)} components far. Use fewer ranks."
        )
    for _ in range(steps):
        padded = torch.cat(_with_halo(local, left, right, mesh), dim=-1)
        # what the pads' own outer ends bring in (a step closes any row to a circle) stays within the pads
        local = system.forecast(padded, 1)[..., left : padded.shape[-1] - right].contiguous()
    return state_of_shards(local, dimension, mesh)


def _with_halo(local: Tensor, left: int, right: int, mesh: DeviceMesh) -> tuple[Tensor, Tensor, Tensor]:
    """The ``left`` components before the shard, the shard, and the ``right`` ones after it, around the circle."""
    group, rank, ranks = mesh.get_group(), mesh.get_local_rank(), mesh.size()
    before, after = (rank - 1) % ranks, (rank + 1) % ranks
    from_before, from_after = local.new_empty(*local.shape[:-1], left), local.new_empty(*local.shape[:-1], right)
    # with two ranks both neighbours are the same one: order (and tag, where it counts) pair the messages
    work = dist.batch_isend_irecv(
        [
            dist.P2POp(dist.isend, local[..., local.shape[-1] - left :].contiguous(), group=group, group_peer=after),
            dist.P2POp(dist.irecv, from_before, group=group, group_peer=before),
            dist.P2POp(dist.isend, local[..., :right].contiguous(), group=group, group_peer=before, tag=1),
            dist.P2POp(dist.irecv, from_after, group=group, group_peer=after, tag=1),
        ]
    )
    for each in work:
        each.wait()
    return from_before, local, from_after


@torch.no_grad()
def analyse_sharded(
    method: EnsembleScoreFilter,
    forecast: DTensor,
    observation: DTensor,
    operator: ObservationOperator,
    sd: float,
    generator: torch.Generator,
) -> DTensor:
    """Members after the observation, (M, d) split as the forecast is; ``observation`` is (d,), split alike.

    ``generator`` is the rank's own (:func:`rank_generator`): with a common one all shards would share their noise.
    The ``own`` prior and the likelihood work component by component. The ``softmax`` prior's weights need squared
    distances over all components, which are summed over the ranks.

    Raises:
        ValueError: on every rank, when one of them cannot use its part; an operator that mixes or leaves out
            components; a ``mini_batch``, whose draws would differ from rank to rank.
    """
    mesh = forecast.device_mesh
    if not (isinstance(operator, PointwiseOperator) and operator.stride == 1):
        raise ValueError(f"Only pointwise operators with stride 1 can be split over devices, not {operator.name!r}.")
    if method.prior == "softmax" and method.mini_batch is not None:
        raise ValueError("Over devices every step takes all members: set mini_batch to None.")
    local, seen = forecast.to_local(), observation.to_local()
    try:
        check_input(local, seen, operator, sd)
        problem = ""
    except ValueError as error:
        problem = str(error)
    bad = torch.tensor(float(bool(problem)), device=local.device)
    dist.all_reduce(bad, op=dist.ReduceOp.MAX, group=mesh.get_group())
    if bad:  # all ranks stop, so that none waits for the others for ever
        raise ValueError(problem or "Another rank cannot use its part of the input; its message says why.")
    if method.prior == "softmax":
        options = {each.name: getattr(method, each.name) for each in fields(EnsembleScoreFilter)}
        method = _SoftmaxAcrossRanks(**options, group=mesh.get_group())
    return state_of_shards(method.analyse(local, seen, operator, sd, generator), forecast.shape[-1], mesh)


def softmax_score_sharded(
    z: Tensor, members: Tensor, t: float, eps_a: float, eps_b: float, group: dist.ProcessGroup
) -> Tensor:
    """This rank's components of the mixture's score: ``softmax_score`` of the whole state, (M, n) from (M, n).

    The weights' exponents are sums over components, so each rank adds its own; one all-reduce for each block of
    trajectories, M x M numbers in all.
    """
    return softmax_score(z, members, t, eps_a, eps_b, lambda exponents: dist.all_reduce(exponents, group=group))


@dataclass(frozen=True)
class _SoftmaxAcrossRanks(EnsembleScoreFilter):
    """The filter on one rank's shard, its weights agreed with the other ranks."""

    group: dist.ProcessGroup | None = None

    def posterior_score(
        self,
        z: Tensor,
        t: float,
        members: Tensor,
        observation: Tensor,
        operator: ObservationOperator,
        sd: float | Tensor,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        assert self.group is not None
        score = softmax_score_sharded(z, members, t, self.eps_a, self.eps_b, self.group)
        if damping(t) > 0:
            score.add_(operator.log_likelihood_score(z, observation, sd), alpha=damping(t))
        return score


def rmse_sharded(members: DTensor, truth: DTensor) -> float:
    """Root mean square error of the ensemble mean over all components, the same number on every rank."""
    total = (members.to_local().mean(-2) - truth.to_local()).double().square().sum()
    dist.all_reduce(total, group=members.device_mesh.get_group())
    return math.sqrt(float(total) / members.shape[-1])


def _check_mesh(mesh: DeviceMesh) -> None:
    if mesh.ndim != 1:
        raise ValueError(f"States are split over a mesh of one dimension, not {mesh.ndim}.")
