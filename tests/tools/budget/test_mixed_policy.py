"""A mixed policy in use, in a file, and in files that were cut off, changed or made to do harm."""

from __future__ import annotations

import json
import os
import pickle
import struct
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from bethink.tools.budget import mixed_policy
from bethink.tools.budget.assignment import component
from bethink.tools.budget.chord import chord_search
from bethink.tools.budget.cmdp import Outcome, TabularPolicy
from bethink.tools.budget.environment import AMOUNTS, campaign, features, tabular, week
from bethink.tools.budget.mixed_policy import KEY, BadPolicyFile, MixedPolicy, register_policy
from bethink.tools.budget.oracle import TabularOracle

CMDP = tabular()
MIXTURE = chord_search(TabularOracle(CMDP), 6.0, tolerance=1e-9)
MIXED = MixedPolicy.from_mixture(MIXTURE, AMOUNTS, "spring")


@dataclass(frozen=True)
class Threshold:
    """A fake of a policy over features, such as a network: the coupon for users above a threshold."""

    weights: np.ndarray
    threshold: float

    def act(self, states, step):
        return (states @ self.weights > self.threshold + step).astype(np.int64)

    def state(self):
        return {"threshold": self.threshold}, {"weights": self.weights}

    @classmethod
    def from_state(cls, settings, arrays):
        return cls(arrays["weights"], settings["threshold"])


class Unknown:
    """A fake that cannot be stored."""

    def act(self, states, step):
        return np.zeros(len(states), np.int64)


@pytest.fixture
def kinds(monkeypatch):
    monkeypatch.setattr(mixed_policy, "_KINDS", dict(mixed_policy._KINDS))


def table(rows) -> TabularPolicy:
    return TabularPolicy(np.array(rows, np.int64))


def mixed(*parts, amounts=(0.0, 5.0), salt="spring", outcome=Outcome(1.0, 2.0), multiplier=0.5) -> MixedPolicy:  # noqa: B008
    return MixedPolicy(tuple(parts), np.array(amounts), salt, outcome, multiplier)


def test_each_user_follows_the_own_component() -> None:
    policy = mixed((table([[0, 0], [0, 0]]), 0.25), (table([[1, 0], [0, 1]]), 0.75))
    users = np.arange(1000)
    chosen = policy.component(users)
    assert (chosen == component(users, [0.25, 0.75], "spring")).all()
    states = users % 2
    steps = users // 2 % 2
    wanted = np.where(chosen == 1, (states == steps).astype(int), 0)
    assert (policy.act(states, steps, users) == wanted).all()
    assert (policy.act(states, 1, users) == np.where(chosen == 1, states, 0)).all()
    order = np.random.default_rng(0).permutation(1000)
    assert (policy.act(states[order], steps[order], users[order]) == wanted[order]).all()
    assert (policy.act(states, steps, [str(user) for user in users]) == wanted).all()
    assert policy.act(np.array([], int), 0, []).shape == (0,)


def test_the_campaign_costs_what_the_mixture_says() -> None:
    """100,000 simulated users: cost and reward within five standard errors of the plan."""
    rng, users = np.random.default_rng(0), np.arange(100_000)
    states = rng.choice(CMDP.states, size=len(users), p=CMDP.initial)
    reward, cost = np.zeros(len(users)), np.zeros(len(users))
    for step in range(CMDP.horizon):
        found = week(states, MIXED.act(states, step, users), rng)
        reward, cost, states = reward + found.rewards, cost + found.costs, found.next_states
    for seen, planned in ((reward, MIXED.outcome.reward), (cost, MIXED.outcome.cost)):
        assert abs(seen.mean() - planned) < 5 * seen.std() / len(users) ** 0.5


def test_a_file_and_back(tmp_path) -> None:
    path = MIXED.save(tmp_path / "plan.safetensors")
    again = MixedPolicy.load(path)
    assert again.policy_id == MIXED.policy_id
    assert (again.weights, again.salt, again.outcome, again.multiplier) == (
        MIXED.weights,
        MIXED.salt,
        MIXED.outcome,
        MIXED.multiplier,
    )
    assert (again.amounts == AMOUNTS).all()
    states, users = np.arange(60).repeat(20), np.arange(1200)
    for step in range(12):
        assert (again.act(states, step, users) == MIXED.act(states, step, users)).all()
    assert os.listdir(tmp_path) == ["plan.safetensors"]
    assert MIXED.save(path).read_bytes() == path.read_bytes()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.floats(0.01, 1), min_size=1, max_size=5),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
    st.floats(0, 1e300) | st.just(float("inf")),
    st.integers(1, 300),
)
def test_every_policy_survives_a_file(tmp_path, weights, salt, multiplier, amounts) -> None:
    rng = np.random.default_rng(amounts)
    total = sum(weights)
    parts = [(TabularPolicy(rng.integers(amounts, size=(3, 4))), weight / total) for weight in weights]
    policy = mixed(*parts, amounts=rng.random(amounts), salt=salt, multiplier=multiplier)
    again = MixedPolicy.load(policy.save(tmp_path / "p"))
    assert again.policy_id == policy.policy_id
    assert again.weights == policy.weights
    assert again.multiplier == multiplier
    assert (again.amounts == policy.amounts).all()
    for (one, _), (other, _) in zip(policy.components, again.components, strict=True):
        assert (one.actions == other.actions).all()  # type: ignore[attr-defined]
        assert other.actions.dtype == np.int64  # type: ignore[attr-defined]


def test_the_id_depends_on_everything() -> None:
    one, other = table([[0, 1]]), table([[1, 1]])
    policies = [
        mixed((one, 1.0)),
        mixed((other, 1.0)),
        mixed((one, 0.5), (other, 0.5)),
        mixed((one, 0.25), (other, 0.75)),
        mixed((one, 1.0), amounts=(0.0, 6.0)),
        mixed((one, 1.0), salt="summer"),
        mixed((one, 1.0), outcome=Outcome(1.0, 2.5)),
        mixed((one, 1.0), multiplier=0.25),
        mixed((table([[0], [1]]), 1.0)),
    ]
    assert len({policy.policy_id for policy in policies}) == len(policies)
    assert mixed((table([[0, 1]]), 1.0)).policy_id == policies[0].policy_id


@pytest.mark.usefixtures("kinds")
def test_another_type_of_policy(tmp_path) -> None:
    weights = np.ones(50_000, np.float32)
    parts = ((Threshold(weights, 0.5), 0.5), (Threshold(weights, 1.5), 0.5))
    with pytest.raises(TypeError, match="see register_policy"):
        mixed(*parts).save(tmp_path / "p")
    assert not os.listdir(tmp_path)
    register_policy("threshold", Threshold)
    register_policy("threshold", Threshold)
    path = mixed(*parts).save(tmp_path / "p")
    assert path.stat().st_size < 1.5 * weights.nbytes  # what both share is stored once
    again = MixedPolicy.load(path)
    states, users = np.random.default_rng(0).random((100, 50_000)).astype(np.float32) / 25_000, np.arange(100)
    assert (again.act(states, 0, users) == mixed(*parts).act(states, 0, users)).all()
    assert {policy.threshold for policy, _ in again.components} == {0.5, 1.5}  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="that of"):
        register_policy("table", Threshold)
    with pytest.raises(TypeError, match="from_state"):
        register_policy("unknown", Unknown)


def test_networks(tmp_path) -> None:
    """Policies that lambda-conditioned fitted Q iteration made, hardly trained."""
    from bethink.tools.budget.fqi import LambdaFQI
    from bethink.tools.budget.network_ensemble import Fitting

    log = campaign(100, seed=0)
    seen, then = features(log.states, log.steps), features(log.next_states, log.steps + 1)
    fitting = Fitting(hidden=(8,), updates=5, first_updates=5, outcome_updates=80)
    oracle = LambdaFQI(prices=4, members=2, fitting=fitting).fit(replace(log, states=seen, next_states=then))
    policy = mixed((oracle.solve(0.0), 0.5), (oracle.solve(np.inf), 0.5), amounts=AMOUNTS)
    again = MixedPolicy.load(policy.save(tmp_path / "p"))
    assert again.policy_id == policy.policy_id
    actions = policy.act(seen, log.steps, log.users)
    assert (again.act(seen, log.steps, log.users) == actions).all()
    assert len(np.unique(actions)) > 1


@pytest.mark.usefixtures("kinds")
def test_a_kind_that_nobody_registered_is_refused(tmp_path) -> None:
    register_policy("threshold", Threshold)
    path = mixed((Threshold(np.ones(2), 0.5), 1.0)).save(tmp_path / "p")
    del mixed_policy._KINDS["threshold"]
    with pytest.raises(BadPolicyFile, match="'threshold'; known are table, lambda"):
        MixedPolicy.load(path)


def header_of(policy: MixedPolicy, tmp_path) -> tuple[dict, dict]:
    return mixed_policy._read(policy.save(tmp_path / "honest"))


def forge(tmp_path, description, arrays, policy_id=None):
    """A file whose hashes fit, as somebody who means harm would make it."""
    path = tmp_path / "forged"
    honest = mixed_policy._identity(description) if policy_id is None else policy_id
    save_file(arrays, path, metadata={KEY: json.dumps(description | {"policy_id": honest})})
    return path


FORGERIES = {
    "weights": (lambda d: d["components"][0].update(weight=0.9), "sum to one"),
    "no components": (lambda d: d.update(components=[]), "0 components"),
    "components of text": (lambda d: d.update(components="table"), "no mixed policy"),
    "text for a weight": (lambda d: d["components"][0].update(weight="all"), "could not convert"),
    "negative amounts": (lambda d: d.update(amounts=[0.0, -2.0, 5.0, 10.0]), "zero or more"),
    "too few amounts": (lambda d: d.update(amounts=[0.0, 2.0]), "within 0..1"),
    "nested amounts": (lambda d: d.update(amounts=[[0.0], [1.0]]), "zero or more"),
    "huge amount": (lambda d: d.update(amounts=[0, 2, 5, 10**400]), "no mixed policy"),
    "empty salt": (lambda d: d.update(salt=""), "salt"),
    "salt of numbers": (lambda d: d.update(salt=5), "no mixed policy"),
    "negative multiplier": (lambda d: d.update(multiplier=-1.0), "multiplier"),
    "no outcome": (lambda d: d.pop("outcome"), "'outcome' is missing"),
    "version": (lambda d: d.update(version=2), "its version is 2"),
    "kind": (lambda d: d["components"][0].update(kind="os.system"), "'os.system'; known are"),
    "no arrays": (lambda d: d["components"][0].update(arrays={}), "'actions' is missing"),
    "other array": (lambda d: d["components"][0].update(arrays={"actions": "0" * 32}), "is missing"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_settings(tmp_path, name: str) -> None:
    description, arrays = header_of(MIXED, tmp_path)
    change, message = FORGERIES[name]
    change(description)
    with pytest.raises(BadPolicyFile, match=message):
        MixedPolicy.load(forge(tmp_path, description, arrays))


@pytest.mark.parametrize(
    "actions",
    [
        np.array([[0.0, 1.0]]),
        np.array([0, 1]),
        np.zeros((0, 3), np.int64),
        np.array([[0, 4]]),
        np.array([[0, -1]]),
        np.array([[0, 2**64 - 1]], np.uint64),
    ],
)
def test_forged_tables(tmp_path, actions) -> None:
    description, _ = header_of(mixed((table([[0, 1]]), 1.0)), tmp_path)
    digest = mixed_policy._digest(actions)
    description["components"][0]["arrays"] = {"actions": digest}
    with pytest.raises(BadPolicyFile):
        MixedPolicy.load(forge(tmp_path, description, {digest: actions}))


def test_changed_files_are_refused(tmp_path) -> None:
    description, arrays = header_of(MIXED, tmp_path)
    with pytest.raises(BadPolicyFile, match="changed after it was saved"):
        MixedPolicy.load(forge(tmp_path, description | {"salt": "other"}, arrays, MIXED.policy_id))
    first = next(iter(arrays))
    arrays[first] = arrays[first].copy()
    arrays[first][0, 0] ^= 1
    with pytest.raises(BadPolicyFile, match="changed after it was saved"):
        MixedPolicy.load(forge(tmp_path, description, arrays))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**6), st.integers(0, 7), st.booleans())
def test_no_flipped_bit_and_no_cut_goes_unnoticed(tmp_path, place: int, bit: int, cut: bool) -> None:
    data = bytearray(MIXED.save(tmp_path / "p").read_bytes())
    place %= len(data)
    if cut:
        data = data[:place]
    else:
        data[place] ^= 1 << bit
    (tmp_path / "p").write_bytes(data)
    try:
        again = MixedPolicy.load(tmp_path / "p")
    except BadPolicyFile as error:
        assert "p is no mixed policy that can be used" in str(error)  # noqa: PT017
    else:  # JSON spells the same content in more than one way
        assert again.policy_id == MIXED.policy_id


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_rubbish(tmp_path, data: bytes) -> None:
    (tmp_path / "p").write_bytes(data)
    with pytest.raises(BadPolicyFile):
        MixedPolicy.load(tmp_path / "p")


class Harmful:
    """A pickle of this would make a file."""

    def __reduce__(self):
        return os.mkdir, ("harm",)


def test_a_pickle_is_not_run(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p").write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(BadPolicyFile):
        MixedPolicy.load(tmp_path / "p")
    assert os.listdir(tmp_path) == ["p"]


def test_other_files(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="no file"):
        MixedPolicy.load(tmp_path / "none")
    with pytest.raises(BadPolicyFile, match="no file"):
        MixedPolicy.load(tmp_path)
    save_file({"weights": np.zeros(3)}, tmp_path / "network")
    with pytest.raises(BadPolicyFile, match="arrays but no mixed policy"):
        MixedPolicy.load(tmp_path / "network")
    for text in ("[" * 100_000, "{}", "[]", "null", '{"version": NaN}', "not JSON"):
        save_file({"weights": np.zeros(3)}, tmp_path / "p", metadata={KEY: text})
        with pytest.raises(BadPolicyFile):
            MixedPolicy.load(tmp_path / "p")
    (tmp_path / "header").write_bytes(struct.pack("<Q", 2**62) + b"{}")
    with pytest.raises(BadPolicyFile, match="safetensors"):
        MixedPolicy.load(tmp_path / "header")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(2**31)
    with pytest.raises(BadPolicyFile, match="larger than"):
        MixedPolicy.load(tmp_path / "huge")


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch) -> None:
    path = MIXED.save(tmp_path / "p")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        mixed((table([[0]]), 1.0)).save(path)
    assert os.listdir(tmp_path) == ["p"]
    assert MixedPolicy.load(path).policy_id == MIXED.policy_id


def test_what_is_refused() -> None:
    good = table([[0, 1]])
    for parts, options, message in (
        ((), {}, "0 components"),
        (((good, 0.5),), {}, "sum to one"),
        (((good, -0.5), (good, 1.5)), {}, "zero or more"),
        (((good, 1.0),), {"salt": ""}, "salt"),
        (((good, 1.0),), {"amounts": (0.0,)}, "within 0..0"),
        (((good, 1.0),), {"amounts": (0.0, np.nan)}, "amounts"),
        (((good, 1.0),), {"amounts": ()}, "amounts"),
        (((good, 1.0),), {"multiplier": np.nan}, "multiplier"),
        (((good, 1.0),), {"outcome": Outcome(np.inf, 1.0)}, "inf"),
    ):
        with pytest.raises(ValueError, match=message):
            mixed(*parts, **options)
    policy = mixed((good, 1.0))
    for states, step, users, message in (
        ([0, 1], 0, [1], "2 states"),
        ([0, 1], [0], [1, 2], "2 states"),
        ([0, 2], 0, [1, 2], "made for"),
        ([0, -1], 0, [1, 2], "negative"),
        ([0, 1], 1, [1, 2], "made for"),
        ([0, 1], [0, -1], [1, 2], "negative"),
    ):
        with pytest.raises(ValueError, match=message):
            policy.act(np.array(states), np.array(step) if isinstance(step, list) else step, users)
    with pytest.raises(TypeError, match="User ids"):
        policy.act(np.array([0]), 0, [1.5])  # type: ignore[list-item]
