"""A mixed policy to run a campaign with: each user keeps one of a few policies, drawn by a hash of the user's id.

A file holds all of it: safetensors with the tables or networks, each stored once under the hash of its content, and
JSON in the header. Nothing in a file is ever run: no pickle, and the types of policies are those registered here or
with :func:`register_policy`. The hashes tell of accidents and of edits by hand; they are no signature.

A type of policy can be stored if it has ``state() -> (settings, arrays)``, where settings are JSON and arrays a dict of
NumPy arrays, and a class method ``from_state(settings, arrays)`` that raises ValueError for what does not fit.

Example:
    >>> from bethink.tools.budget import TabularOracle, chord_search
    >>> from bethink.tools.budget.environment import AMOUNTS, tabular
    >>> mixture = chord_search(TabularOracle(tabular()), 6.0, tolerance=1e-9)
    >>> policy = MixedPolicy.from_mixture(mixture, AMOUNTS, salt="spring-2026")
    >>> users = [1001, 1002, 1018, 1019]
    >>> policy.component(users).tolist(), policy.act(np.array([15, 15, 30, 30]), 0, users).tolist()
    ([1, 1, 0, 1], [3, 3, 1, 1])
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from bethink.tools.budget import assignment
from bethink.tools.budget.assignment import UserIds
from bethink.tools.budget.chord import Mixture
from bethink.tools.budget.cmdp import Floats, Ints, Outcome, Policy, TabularPolicy

VERSION = 1
"""Of the file format; a file of another version is refused."""
KEY = "bethink.mixed_policy"
MOST_BYTES = 2**30
MOST_COMPONENTS = 10_000
Settings = dict[str, Any]
Arrays = dict[str, NDArray]


class BadPolicyFile(ValueError):
    """A file that is not a whole, unchanged mixed policy."""


@runtime_checkable
class StoredPolicy(Policy, Protocol):
    """A policy that says what it is made of."""

    def state(self) -> tuple[Settings, Arrays]:
        """JSON settings and arrays, from which ``from_state`` of the same class makes an equal policy."""
        ...


_KINDS: dict[str, type | str] = {"table": TabularPolicy, "lambda": "bethink.tools.budget.lambda_policy:LambdaPolicy"}
"""Types of policies by the name that files know them by; as text where importing the type is slow."""


def register_policy(kind: str, policy_type: type) -> None:
    """Let files hold policies of another type under the name ``kind``; once per process, before saving or loading.

    Raises:
        TypeError: a type without ``state`` or ``from_state``.
        ValueError: a name that another type has.
    """
    if not hasattr(policy_type, "state") or not hasattr(policy_type, "from_state"):
        raise TypeError(f"{policy_type.__name__} needs state() and from_state(settings, arrays) to be stored.")
    known = _KINDS.setdefault(kind, policy_type)
    if _name(known) != _name(policy_type):
        raise ValueError(f"The kind {kind!r} is that of {_name(known)}; choose another name.")


@dataclass(frozen=True, eq=False)
class MixedPolicy:
    """Policies with weights, and the salt that assigns users to them.

    Args:
        components: policies with weights that sum to one.
        amounts: face value of each action [K].
        salt: of this campaign alone, 1 to 64 bytes; above all not that of an A/B test.
        outcome: expected reward and cost per user, as whoever made the policy saw them.
        multiplier: price of money at the budget, in reward per unit of money.

    Raises:
        ValueError: no components, weights that are no probabilities, a bad salt, amounts that are negative or not
            finite, tables with actions that have no amount.
    """

    components: tuple[tuple[Policy, float], ...]
    amounts: Floats
    salt: str
    outcome: Outcome
    multiplier: float

    def __post_init__(self) -> None:
        if not 1 <= len(self.components) <= MOST_COMPONENTS:
            raise ValueError(f"{len(self.components)} components; 1 to {MOST_COMPONENTS} are needed.")
        assignment.component([0], self.weights, self.salt)
        amounts = self.amounts
        if amounts.ndim != 1 or not len(amounts) or not np.isfinite(amounts).all() or (amounts < 0).any():
            raise ValueError(f"The amounts must be a list of numbers that are zero or more, not {amounts}.")
        if math.isnan(self.multiplier) or self.multiplier < 0 or not np.isfinite(self.outcome).all():
            raise ValueError(f"The multiplier {self.multiplier} or {self.outcome} cannot be that of a policy.")
        for policy, _ in self.components:
            if isinstance(policy, TabularPolicy):
                _check_table(policy.actions, len(amounts))

    @classmethod
    def from_mixture(cls, mixture: Mixture, amounts: Floats, salt: str) -> MixedPolicy:
        """What an optimiser found, ready to be used."""
        return cls(mixture.components, np.asarray(amounts, float), salt, mixture.outcome, mixture.multiplier)

    @property
    def weights(self) -> tuple[float, ...]:
        """The share of users that each component is for."""
        return tuple(weight for _, weight in self.components)

    @cached_property
    def policy_id(self) -> str:
        """16 hexadecimal digits that depend on everything: policies, weights, amounts, salt, outcome, multiplier."""
        return _identity(_describe(self)[0])

    def component(self, user_ids: UserIds) -> Ints:
        """Which component each of n users keeps for the whole campaign, int64 [n]; see :mod:`.assignment`."""
        return assignment.component(user_ids, self.weights, self.salt)

    def act(self, states: NDArray, step: int | Ints, user_ids: UserIds) -> Ints:
        """The actions of n users, int64 [n]; ``amounts[action]`` is the coupon.

        Args:
            states: state numbers [n] or features [n, d], as the components take them.
            step: the 0-based step of all users, or of each [n].
            user_ids: whole numbers or texts [n].

        Raises:
            ValueError: lengths that differ, states or steps that the components do not know.
            TypeError: ids that are neither whole numbers nor texts.
        """
        states, steps = np.asarray(states), np.asarray(step)
        chosen = self.component(user_ids)
        if len(states) != len(chosen) or (steps.ndim and steps.shape != chosen.shape):
            raise ValueError(f"{len(states)} states and steps of shape {steps.shape} for {len(chosen)} users.")
        negative = states.dtype.kind in "iu" and states.ndim == 1 and len(states) and states.min() < 0
        if negative or (steps.size and steps.min() < 0):
            raise ValueError("States and steps are numbers from 0 on; some are negative.")
        actions = np.zeros(len(chosen), np.int64)
        for number in np.unique(chosen):
            rows = np.nonzero(chosen == number)[0]
            try:
                policy = self.components[number][0]
                actions[rows] = policy.act(states[rows], steps[rows] if steps.ndim else int(steps))
            except IndexError as error:
                raise ValueError(f"A state or step is not one that the policy was made for: {error}") from error
        return actions

    def save(self, path: str | Path) -> Path:
        """Write the policy to a file, whole or not at all.

        Raises:
            TypeError: a component of a type that is not registered, or settings that are not JSON.
        """
        from safetensors.numpy import save_file

        path = Path(path)
        description, arrays = _describe(self)
        header = json.dumps(description | {"policy_id": self.policy_id}, allow_nan=False)
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            save_file(arrays, aside, metadata={KEY: header})
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)
        return path

    @classmethod
    def load(cls, path: str | Path) -> MixedPolicy:
        """The policy in a file that :meth:`save` wrote.

        Raises:
            FileNotFoundError: no such file.
            BadPolicyFile: anything else than such a file, cut off, changed, or of another version.
        """
        path = Path(path)
        if not path.exists():
            raise FileNotFoundError(f"There is no file {path}.")
        try:
            description, arrays = _read(path)
            return _restore(description, arrays)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, OSError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise BadPolicyFile(f"{path.name} is no mixed policy that can be used: {reason}. Save it anew.") from error


def _check_table(actions: NDArray, amounts: int) -> None:
    if actions.ndim != 2 or not actions.size or actions.dtype.kind not in "iu":
        raise ValueError(f"A table of whole numbers [T, S] is needed, not {actions.dtype} {actions.shape}")
    if actions.min() < 0 or actions.max() >= amounts:
        raise ValueError(f"Actions must be within 0..{amounts - 1}; found {actions.min()} to {actions.max()}")


def _describe(mixed: MixedPolicy) -> tuple[Settings, Arrays]:
    """What goes into the header, without the id, and the arrays by the hash of their content."""
    arrays: Arrays = {}
    components = []
    for policy, weight in mixed.components:
        settings, parts = _state(policy)
        names = {name: _digest(part) for name, part in sorted(parts.items())}
        arrays |= {names[name]: np.ascontiguousarray(part) for name, part in parts.items()}
        kind = next(kind for kind, known in _KINDS.items() if _name(known) == _name(type(policy)))
        components.append({"kind": kind, "weight": float(weight), "settings": settings, "arrays": names})
    description = {
        "version": VERSION,
        "salt": mixed.salt,
        "amounts": mixed.amounts.tolist(),
        "outcome": mixed.outcome._asdict(),
        "multiplier": mixed.multiplier if math.isfinite(mixed.multiplier) else None,
        "components": components,
    }
    return description, arrays


def _name(policy_type: type | str) -> str:
    return policy_type if isinstance(policy_type, str) else f"{policy_type.__module__}:{policy_type.__qualname__}"


def _state(policy: Policy) -> tuple[Settings, Arrays]:
    if isinstance(policy, TabularPolicy):
        smallest = np.min_scalar_type(int(policy.actions.max()))
        return {}, {"actions": policy.actions.astype(smallest)}
    if _name(type(policy)) not in map(_name, _KINDS.values()) or not isinstance(policy, StoredPolicy):
        raise TypeError(f"A {type(policy).__name__} cannot be stored; see register_policy.")
    return policy.state()


def _digest(array: NDArray) -> str:
    hashed = blake2b(f"{array.dtype.str} {array.shape} ".encode(), digest_size=16)
    hashed.update(np.ascontiguousarray(array).tobytes())
    return hashed.hexdigest()


def _identity(description: Mapping[str, Any]) -> str:
    text = json.dumps(description, sort_keys=True, allow_nan=False)
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _read(path: Path) -> tuple[Settings, Arrays]:
    """The header and the arrays, both checked against their hashes."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file() or path.stat().st_size > MOST_BYTES:
        raise ValueError(f"it is no file, or larger than {MOST_BYTES} bytes")
    try:
        with safe_open(path, framework="numpy") as file:
            header = (file.metadata() or {}).get(KEY)
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except SafetensorError as error:
        raise ValueError(f"it cannot be read as safetensors ({error})") from error
    if header is None:
        raise ValueError("it holds arrays but no mixed policy")
    description = json.loads(header)
    if description["version"] != VERSION:
        raise ValueError(f"its version is {description['version']!r}, and {VERSION} is understood")
    claimed = description.pop("policy_id")
    if _identity(description) != claimed or any(_digest(array) != name for name, array in arrays.items()):
        raise ValueError("it was changed after it was saved")
    return description, arrays


def _restore(description: Settings, arrays: Arrays) -> MixedPolicy:
    components = []
    for part in description["components"]:
        own = {name: arrays[digest] for name, digest in part["arrays"].items()}
        components.append((_policy(part["kind"], part["settings"], own), float(part["weight"])))
    price = description["multiplier"]
    return MixedPolicy(
        tuple(components),
        np.array(description["amounts"], float),
        description["salt"],
        Outcome(float(description["outcome"]["reward"]), float(description["outcome"]["cost"])),
        math.inf if price is None else float(price),
    )


def _policy(kind: str, settings: Settings, arrays: Arrays) -> Policy:
    if kind == "table":
        _check_table(arrays["actions"], 2**31)
        return TabularPolicy(arrays["actions"].astype(np.int64))
    if kind not in _KINDS:
        raise ValueError(f"it holds a policy of the kind {kind!r}; known are {', '.join(_KINDS)}")
    known = _KINDS[kind]
    if isinstance(known, str):
        module, name = known.split(":")
        known = _KINDS[kind] = getattr(import_module(module), name)
    policy: Policy = known.from_state(settings, arrays)  # type: ignore[union-attr]
    return policy
