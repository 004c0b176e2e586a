"""Which column of a campaign file is what: guessed from names and values, each choice with a reason to show.

Names are data: they are compared with lists of words, and shown quoted. Nothing in a file is followed.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bethink.tools.budget.arms import MOST_ARMS, is_control
from bethink.tools.currencies import CURRENCIES
from bethink.tools.findings import TableError, listed, quoted
from bethink.tools.frames import words_of
from bethink.tools.quantities import coded, quantities
from bethink.tools.tables import TableFileError
from bethink.tools.times import read_times

if TYPE_CHECKING:
    import pandas as pd

SAMPLE_ROWS = 5_000
"""Rows looked at to tell what a column holds."""
MOST_FEATURES = 200
MOST_SEGMENTS = 20
KNOWN = {
    "user": "user_id userid user customer_id customerid customer client_id client household_id household member_id "
    "member account_id account visitor_id subscriber_id person_id shopper_id uid cust_id hh_id contact_id email_hash "
    "kunde kunden_id kundennummer cliente usuario utilisateur id",
    "time": "time_step timestep week t time step period date day month datetime timestamp wave round woche datum",
    "action": "amount coupon_amount coupon_value voucher_amount voucher_value discount_amount incentive_amount "
    "face_value coupon voucher incentive discount offer action treatment treated treat arm coupon_type offer_type "
    "betrag gutschein",
    "reward": "reward outcome response responded active is_active activity retained visit visited conversion converted "
    "convert purchase purchased bought order ordered click clicked success target y label spend revenue sales "
    "sales_value gmv value",
    "cost": "cost costs coupon_cost redeemed_amount amount_redeemed redemption_amount redeemed_value "
    "redemption_value money_spent cost_spent kosten redeemed is_redeemed redemption",
    "propensity": "propensity propensity_score propensities pscore p_score logging_probability logging_prob "
    "action_prob action_probability probability_of_action",
    "segment": "segment customer_segment user_segment cluster persona tier customer_type",
}
"""Names by which a column is taken for a role, the surest first."""
MAYBE = {
    "action": "segment group variant campaign test_group cell mail email sent message",
    "cost": "spend spent discount discount_given coupon_disc money",
    "propensity": "p ps prob probability",
}
"""Names by which it is if its values bear that out."""
_ONLY_AFTERWARDS = "exposure exposed opened open unsubscribed"
AFTERWARDS = {*" ".join([KNOWN["reward"], KNOWN["cost"], MAYBE["cost"], _ONLY_AFTERWARDS]).split()} - {"value", "money"}
"""Names of what is only known once a coupon was given: never a feature unless asked for."""


@dataclass(frozen=True)
class Columns:
    """Which column is what.

    ``reasons`` says of each role why it was given to that column (``"stated"`` where the caller did), ``left_out`` of
    each other column why it is no feature. ``propensity`` may be one column (of the amount that was given) or one for
    each amount.
    """

    action: str
    reward: str
    user: str | None = None
    time: str | None = None
    cost: str | None = None
    propensity: str | tuple[str, ...] | None = None
    features: tuple[str, ...] = ()
    segment: str | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)


def guess_columns(names: Sequence[str], frame: pd.DataFrame, stated: Mapping[str, Any] | None = None) -> Columns:
    """Give each role the column whose name and values fit best; O(columns), on 5,000 rows drawn from everywhere.

    Args:
        names: the columns to choose from.
        frame: a table that has them, as :func:`bethink.tools.frames.read_frame` gives it.
        stated: roles that are known: a name (for features and propensity also several), or an empty text where there
            is no such column. None and roles left out are guessed.

    Raises:
        TableError: ``no_column`` for a stated column that is not there, or that stands for two roles;
            ``no_action``, ``no_reward`` where none was found.

    Example:
        >>> import pandas as pd
        >>> log = {"id": [1, 2], "recency": [3, 4], "group": ["No E-Mail", "Mail"], "visit": [0, 1], "spend": [0, 9]}
        >>> columns = guess_columns(list(log), pd.DataFrame(log))
        >>> columns.action, columns.reward, columns.features
        ('group', 'visit', ('recency',))
        >>> columns.reasons["action"], columns.left_out["spend"]
        ("one of its values says that users got nothing: 'No E-Mail'", 'its name says that it is known only afterwards')
    """
    return _Guess(list(names), _some_rows(frame), dict(stated or {})).columns()


def _some_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows from everywhere, in their order: the first ones may all be of one week."""
    if len(frame) <= SAMPLE_ROWS:
        return frame
    return frame.iloc[np.sort(np.random.default_rng(0).choice(len(frame), SAMPLE_ROWS, replace=False))]


class _Guess:
    """The roles given so far."""

    def __init__(self, names: list[str], frame: pd.DataFrame, stated: dict[str, Any]) -> None:
        self.names, self.frame, self.stated = names, frame, stated
        self.read: dict[str, pd.Series] = {}
        self.words: dict[str, list[str]] = {}
        for name in names:
            self.words.setdefault(words_of(name), []).append(name)
        self.roles: dict[str, Any] = {}
        self.reasons: dict[str, str] = {}
        self.taken: dict[str, str] = {}
        for role, value in stated.items():
            if value is not None:
                self._state(role, value)

    def columns(self) -> Columns:
        """The guess as a whole."""
        self._find("propensity", KNOWN, lambda name: self._numbers(name) is not None)
        self._find("propensity", MAYBE, self._probabilities)
        self._find("user", KNOWN, lambda name: self._distinct(name) > 1)
        self._find("time", KNOWN, self._times)
        self._find("action", KNOWN, lambda name: self._distinct(name) <= MOST_ARMS)
        self._find_arms()
        self._find("action", KNOWN, lambda name: True)  # reading it says what is wrong with it
        if not self.roles.get("action"):
            raise self._none("action", "no_action", "what users were given", "amounts or arms")
        self._find("cost", KNOWN, lambda name: self._numbers(name) is not None)
        self._find_spent()
        self._find("reward", KNOWN, lambda name: self._numbers(name) is not None)
        self._find("reward", KNOWN, lambda name: True)
        if not self.roles.get("reward"):
            raise self._none("reward", "no_reward", "what is to be increased", "numbers or yes and no")
        if self.roles.get("time") and not self.roles.get("user") and self.stated.get("time") is None:
            self.taken.pop(self.roles.pop("time"))
            self.reasons["time"] = "there is no column of users, so times cannot be told apart: one shot"
        self._find("segment", KNOWN, self._few)
        self.taken.pop(self.roles.get("segment") or "", None)  # a segment is a feature, too
        left_out = self._choose_features()
        found = {role: self.roles.get(role) or None for role in ("user", "time", "cost", "propensity", "segment")}
        return Columns(
            self.roles["action"],
            self.roles["reward"],
            **found,
            features=tuple(self.roles["features"]),
            reasons=self.reasons,
            left_out=left_out,
        )

    def _state(self, role: str, value: Any) -> None:
        several = [value] if isinstance(value, str) else list(value)
        for name in several:
            if name == "":
                continue
            if name not in self.names:
                near = difflib.get_close_matches(str(name)[:200], self.names[:2000], 3, 0.5) or self.names[:6]
                raise TableError("no_column", f"There is no column {quoted(name)}.", f"There are: {listed(near)}.")
            if name in self.taken and "segment" not in (role, self.taken[name]):
                message = f"Column {quoted(name)} cannot be both {self.taken[name]} and {role}."
                raise TableError("no_column", message, "State one column for each.")
            self.taken[name] = role
        self.roles[role] = value if isinstance(value, str) else tuple(several)
        self.reasons[role] = "stated" if any(several) else "stated that there is none"

    def _find(self, role: str, known: Mapping[str, str], fits: Callable[[str], bool]) -> None:
        """Take the first of the known names that is there, is free, and holds values that fit."""
        if role in self.roles:
            return
        for word in known[role].split():
            for name in self.words.get(word, []) or self._with_unit(word):
                if name not in self.taken and fits(name):
                    self._give(role, name, f"it is named {quoted(name)}")
                    return

    def _with_unit(self, word: str) -> list[str]:
        """Names such as ``amount_eur`` for ``amount``."""
        return [name for unit in CURRENCIES for name in self.words.get(f"{word}_{unit}", [])]

    def _give(self, role: str, name: str, reason: str) -> None:
        self.roles[role], self.reasons[role], self.taken[name] = name, reason, role

    def _find_arms(self) -> None:
        """A column of text with a level that says that users got nothing, or of 0 and 1."""
        if "action" in self.roles:
            return
        for word in MAYBE["action"].split():
            for name in self.words.get(word, []):
                levels = [] if name in self.taken else self._levels(name)
                if not 2 <= len(levels) <= MOST_ARMS:
                    continue
                control = [level for level in levels if is_control(level)]
                if len(control) == 1:
                    reason = f"one of its values says that users got nothing: {quoted(control[0])}"
                    self._give("action", name, reason)
                    return

    def _find_spent(self) -> None:
        """Money that never exceeds the amount and is zero without one is what the coupons cost."""
        if "cost" in self.roles:
            return
        amounts = self._numbers(self.roles["action"])
        if amounts is None:
            return

        def fits(name: str) -> bool:
            money = self._numbers(name)
            if money is None:
                return False
            both = ~(np.isnan(money) | np.isnan(amounts))
            return bool((money[both] <= amounts[both]).all() and (money[both] > 0).any())

        self._find("cost", MAYBE, fits)
        if "cost" in self.roles:
            self.reasons["cost"] += ", and it is never above the amount"

    def _choose_features(self) -> dict[str, str]:
        left_out: dict[str, str] = {}
        if "features" in self.roles:
            self.roles["features"] = [name for name in self.roles["features"] if name]
            chosen = set(self.roles["features"])
            return {
                name: "not among the stated features"
                for name in self.names
                if name not in self.taken and name not in chosen
            }
        features: list[str] = []
        for name in self.names:
            if name in self.taken:
                continue
            reason = self._no_feature(name)
            if not reason and len(features) == MOST_FEATURES:
                reason = f"there are {MOST_FEATURES} features already"
            if reason:
                left_out[name] = reason
            else:
                features.append(name)
        self.roles["features"] = features
        self.reasons["features"] = "what is left and known beforehand"
        return left_out

    def _no_feature(self, name: str) -> str:
        """Why a column cannot be a feature; empty if it can."""
        words = words_of(name)
        if words in AFTERWARDS:
            return "its name says that it is known only afterwards"
        distinct = self._distinct(name)
        if distinct <= 1:
            return "it has one value only"
        rows = len(self.frame)
        numbers = self._numbers(name)
        if numbers is None:
            if self._are_dates(name):
                return "it holds dates"
            if distinct > 0.5 * rows and rows > 20:
                return "it has a text of its own for most rows"
        elif words in KNOWN["user"].split() and distinct > 0.5 * rows:
            return "it is an identifier"
        return ""

    def _none(self, role: str, code: str, what: str, kind: str) -> TableError:
        message = f"No column was found that says {what}."
        return TableError(code, message, f"State which column holds {kind} ({role}); there are: {listed(self.names)}.")

    # -- what a column holds ----------------------------------------------------------------------------------------

    def _column(self, name: str) -> pd.Series:
        """The rows that are looked at, without the values that only others have."""
        import pandas as pd

        if name not in self.read:
            column = self.frame[name]
            categorical = isinstance(column.dtype, pd.CategoricalDtype)
            self.read[name] = column.cat.remove_unused_categories() if categorical else column
        return self.read[name]

    def _levels(self, name: str) -> list[str]:
        codes, levels = coded(self._column(name))
        return [str(levels[code]) for code in np.unique(codes[codes >= 0]) if levels[code] != ""]

    def _distinct(self, name: str) -> int:
        return len(self._levels(name))

    def _few(self, name: str) -> bool:
        return 2 <= self._distinct(name) <= MOST_SEGMENTS

    def _numbers(self, name: str) -> np.ndarray | None:
        try:
            found = quantities(self._column(name), name)
        except TableFileError:
            return np.full(len(self.frame), np.nan)  # numbers, though written so that they will be refused
        return found.values if found.text is None else None

    def _probabilities(self, name: str) -> bool:
        values = self._numbers(name)
        if values is None or np.isnan(values).all():
            return False
        known = values[~np.isnan(values)]
        return bool((known > 0).all() and (known <= 1).all())

    def _times(self, name: str) -> bool:
        values = self._numbers(name)
        if values is not None:
            known = values[~np.isnan(values)]
            return bool(len(known) and (known == np.round(known)).all())
        return self._are_dates(name)

    def _are_dates(self, name: str) -> bool:
        try:
            return read_times(self._column(name), name).dates
        except TableFileError as error:
            return "either way round" in str(error)
