"""Critics: networks that go back from the last step to the first and learn what reward and money are still to come.

What a row brings now is learned once, from all rows (:mod:`bethink.tools.budget.outcome_model`). Only what comes after
is regressed in each step, as the change of value from a point to the next one: what stays the same need not be learned,
and the value of a point, which is far larger than the effect of any amount, cancels.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from bethink.tools.budget.experience import Encoder, Experience, Transitions
from bethink.tools.budget.network_ensemble import Fitting, NetworkEnsemble, descend
from bethink.tools.budget.outcome_model import OutcomeModel, fit_outcomes


def continuation_inputs(encoder: Encoder, points: Tensor) -> Tensor:
    """What a continuation network is given for n points, every amount and every class [n, K, C, d'']."""
    table, classes = encoder.action_table.to(points.device), torch.eye(encoder.classes, device=points.device)
    shape = (len(points), len(table), encoder.classes)
    return torch.cat(
        [
            points[:, None, None].expand(*shape, -1),
            table[None, :, None].expand(*shape, -1),
            classes[None, None].expand(*shape, -1),
        ],
        -1,
    )


class Critic:
    """Reward and cost to come of L policies, for M groups of users side by side.

    Call :meth:`regress` for the steps from the last to the first; after each, :meth:`values` for all :meth:`chunks` of
    points and :meth:`settle` with the actions that the policies take there.

    Args:
        experience: the log.
        user_weights: how much each group counts each user [M, N].
        policies: L.
        fitting: how networks are trained.
        seed: of everything random.
        outcomes: the groups' models of immediate outcomes, where they were fitted before.
    """

    def __init__(
        self,
        experience: Experience,
        user_weights: Tensor,
        policies: int,
        fitting: Fitting,
        seed: int,
        outcomes: OutcomeModel | None = None,
    ) -> None:
        self.experience, self.fitting, self.policies = experience, fitting, policies
        device = user_weights.device
        self.points = experience.points.to(device)
        self.outcomes = outcomes or fit_outcomes(experience, user_weights, fitting, seed)
        self.members = len(user_weights)
        width = self.points.shape[1] + self.outcomes.encoder.action_table.shape[1] + experience.encoder.classes
        self.network = NetworkEnsemble(self.members, (width, *fitting.hidden, 2 * policies), seed + 2).to(device)
        self.generator = torch.Generator().manual_seed(seed + 2)
        self.value = torch.zeros(self.members, len(self.points), 2 * policies, device=device)
        self.next_value = self.value
        self.scale: tuple[Tensor, Tensor] | None = None
        self.step = experience.horizon
        self.spent_now: Tensor = torch.zeros(0, device=device)
        self.fitted = False
        self._prepared: dict[int, tuple[Tensor, Tensor, Tensor]] = {}
        self._user_weights = user_weights

    def chunks(self) -> Iterator[slice]:
        """Slices of the points, small enough to hold every value of."""
        for at in range(0, len(self.points), self.fitting.chunk):
            yield slice(at, min(at + self.fitting.chunk, len(self.points)))

    def regress(self, step: int) -> None:
        """Learn what comes after ``step`` from the values settled for the step after it."""
        self.step, self.next_value = step, self.value
        self.value = torch.empty_like(self.value)
        if step == self.experience.horizon - 1:
            return
        number = 0 if self.experience.pooled else step
        transitions = self.experience.transitions[number]
        inputs, pair_weights, share = self._prepare(number)
        changes = self._mean_change(transitions, pair_weights)
        centre = (share * changes).sum(1, keepdim=True)
        spread = (share * (changes - centre) ** 2).sum(1, keepdim=True).sqrt()
        wanted = (changes - centre) / spread.clamp(min=1e-9)
        self.scale = centre, spread

        def loss(picked: Tensor | slice) -> Tensor:
            part = share[:, picked]
            missed = part * (self.network(inputs[picked]) - wanted[:, picked]) ** 2
            return missed.sum() / (part.sum() * wanted.shape[-1])

        updates = self.fitting.updates if self.fitted else self.fitting.first_updates
        descend(self.network, loss, len(inputs), updates, self.fitting, self.generator)
        self.fitted = True

    def values(self, chunk: slice) -> tuple[Tensor, Tensor]:
        """Q_r and Q_c at the chunk's points [M, n, K, L] each; rewards discounted to step 0."""
        with torch.no_grad():
            points = self.points[chunk]
            chances, rewards, costs = self.outcomes.predict(points, self.step)
            q_r = (self.fitting.gamma**self.step * rewards)[..., None]
            self.spent_now = q_c = costs[..., None]
            if self.step == self.experience.horizon - 1:
                return q_r.expand(*q_r.shape[:-1], self.policies), q_c.expand(*q_c.shape[:-1], self.policies)
            inputs = continuation_inputs(self.experience.encoder, points)
            n, k, c, width = inputs.shape
            centre, spread = self.scale  # type: ignore[misc]
            change = (self.network(inputs.reshape(-1, width)) * spread + centre).reshape(self.members, n, k, c, -1)
            follows = (chances[..., None] * change).sum(3) + self.next_value[:, chunk, None]
            return q_r + follows[..., : self.policies], q_c + follows[..., self.policies :]

    def scaled_network(self) -> NetworkEnsemble:
        """A copy of this step's network whose outputs are changes of value in units of reward and money."""
        centre, spread = self.scale  # type: ignore[misc]
        return self.network.rescaled(centre, spread)

    def settle(self, chunk: slice, q_r: Tensor, q_c: Tensor, actions: Tensor) -> None:
        """Let the policies take ``actions`` [M, n, L] at the chunk's points in this step, right after its ``values``.

        Money is not earned: what is to be spent from a step on is no less than what is spent in it.
        """
        taken = actions[:, :, None]
        spent = torch.maximum(q_c, self.spent_now).gather(2, taken)
        self.value[:, chunk, : self.policies] = q_r.gather(2, taken)[:, :, 0]
        self.value[:, chunk, self.policies :] = spent[:, :, 0]

    def outcome(self) -> tuple[Tensor, Tensor]:
        """J_r and J_c of each policy [M, L] over the first points of all users, once step 0 is settled."""
        counts = torch.bincount(self.experience.first, minlength=len(self.points)).to(self.value)
        mean = (counts[None, :, None] * self.value).sum(1) / counts.sum()
        return mean[:, : self.policies], mean[:, self.policies :]

    def _prepare(self, number: int) -> tuple[Tensor, Tensor, Tensor]:
        if number not in self._prepared:
            transitions, device = self.experience.transitions[number], self.points.device
            points = self.experience.points[transitions.points]
            table = self.experience.encoder.action_table[transitions.actions]
            classes = torch.eye(self.experience.encoder.classes)[transitions.classes]
            weights = transitions.pair_weights(self._user_weights).to(device)
            mass = torch.zeros(self.members, len(points), device=device)
            mass.index_add_(1, transitions.pair_rows.to(device), weights)
            weights = weights / mass.clamp(min=1e-12)[:, transitions.pair_rows.to(device)]
            share = mass / mass.sum(1, keepdim=True)
            self._prepared[number] = torch.cat([points, table, classes], 1).to(device), weights, share[..., None]
        return self._prepared[number]

    def _mean_change(self, transitions: Transitions, weights: Tensor) -> Tensor:
        """The mean of V(x') - V(x) of each row [M, R, 2 L]; 0 where a group has not seen the row."""
        device = self.points.device
        changes = torch.zeros(self.members, len(transitions.points), 2 * self.policies, device=device)
        points = transitions.points.to(device)
        for at in range(0, len(transitions.pair_rows), 65536):
            rows = transitions.pair_rows[at : at + 65536].to(device)
            after = self.next_value[:, transitions.pair_next[at : at + 65536].to(device)]
            change = after - self.next_value[:, points[rows]]
            changes.index_add_(1, rows, weights[:, at : at + 65536, None] * change)
        return changes
