"""Coupon rules in words: who gets which amount."""

from __future__ import annotations

from typing import Any

from bethink.models.training.calls.grammar import Again, Draw, keep
from bethink.models.training.calls.numbers import money, number
from bethink.models.training.calls.slots import ARMS, currency_of, named

GROUPS = ("loyal", "dormant", "deal-seeker", "habit-former")
"""The segments of the sample campaign: people name them without their column."""
VALUES: dict[str, tuple[str | int, ...]] = {
    "segment": ("loyal", "dormant", "deal-seeker", "habit-former", "new", "lapsed", "premium", "A", "B", "C"),
    "tier": ("gold", "silver", "bronze", "basic", "platinum"),
    "region": ("north", "south", "east", "west", "Bavaria", "Ontario", "Île-de-France"),
    "city": ("Porto", "Lyon", "Osaka", "Kraków", "Leeds", "Accra", "Lima"),
    "age_group": ("18-25", "26-35", "36-50", "51-65", "65+"),
    "gender": ("f", "m", "female", "male", "x"),
    "channel": ("web", "app", "store", "phone"),
    "engagement": (0, 1, 2, 3, 4),
    "fatigue": (0, 1, 2),
    "country": ("DE", "FR", "PL", "JP", "BR", "Kenya", "Spain"),
    "plan": ("free", "basic", "pro", "family"),
    "device": ("ios", "android", "desktop"),
    "newbie": (0, 1),
    "mens": (0, 1),
    "store": ("S1", "S2", "S14", "Main Street"),
    "cluster": (1, 2, 3, 4, 5),
}


def _plural(name: str) -> str:
    return name + "s" if name in ("deal-seeker", "habit-former") else name + " users"


def condition(draw: Draw, many: bool = False) -> tuple[dict[str, Any], str]:
    """A condition, and who that is in words."""
    rng = draw.rng
    kind = rng.random()
    used: set[str] = draw.seen.setdefault("groups", set())
    if kind < 0.5:
        free = [name for name in GROUPS if name not in used]
        if len(free) < 1 + many:
            raise Again
        chosen = rng.sample(free, 2 if many else 1)
        used.update(chosen)
        plural = rng.random() < 0.7
        texts = [keep(_plural(name)) if plural else named(name, rng) for name in chosen]
        shape = rng.choice(["{}", "the {}", "{}"]) if plural else "{} users"
        joined = rng.choice([" and ", " or ", " and "]).join(texts)
        return {"segment": chosen if many else chosen[0]}, shape.format(joined)
    column = rng.choice(list(VALUES))
    free_values = [value for value in VALUES[column] if f"{column}={value}" not in used]
    if len(free_values) < 1 + many:
        raise Again
    values = rng.sample(free_values, 2 if many else 1)
    used.update(f"{column}={value}" for value in values)
    said = [named(str(value), rng) if isinstance(value, str) else keep(str(value)) for value in values]
    joined = rng.choice([" or ", " or ", "/", ", "]).join(said)
    who = rng.choice(["users", "customers", "people", "those", "everyone"])
    link = rng.choice([" is ", " = ", " equals ", "=", " is ", ": "])
    shape = rng.choice(
        ["{who} {with} {column}{link}{value}", "{who} {with} {column}{link}{value}", "{column}{link}{value}"]
    )
    text = shape.format(
        who=who,
        column=named(column, rng),
        link=link,
        value=joined,
        **{"with": "with" if link in ("=", " = ", ": ") else "whose"},
    )
    where: dict[str, Any] = {column: values if many else values[0]}
    if rng.random() < 0.12 and not many:
        other = rng.choice([name for name in VALUES if name != column])
        value = rng.choice(VALUES[other])
        where[other] = value
        text += f" and {named(other, rng)}{' is ' if link == ' is ' else '='}{keep(str(value))}"
    return where, text


def amount(draw: Draw, arms: bool = False) -> tuple[float | str, str]:
    """An amount and its words; or an arm's name."""
    rng = draw.rng
    if arms:
        used: set[str] = draw.seen.setdefault("arms", set())
        free = [arm for arm in ARMS if arm not in used]
        arm = rng.choice(free)
        used.add(arm)
        return arm, rng.choice(["the ", ""]) + named(arm, rng)
    value = rng.choice([0, 1, 2, 2, 3, 4, 5, 5, 6, 8, 10, 10, 12, 15, 20, 25, 2.5, 7.5])
    if value == 0:
        return 0, rng.choice(["nothing", keep("0"), "no coupon"])
    currency = currency_of(draw, 0.12)
    text = money(value, rng, currency) if currency or rng.random() < 0.6 else number(value, rng)
    return value, rng.choice(["{}", "{}", "a coupon of {}", "a {} coupon", "a voucher of {}", "{} each"]).format(text)


def rules(draw: Draw, detail: str) -> str:
    """One to three rules."""
    rng = draw.rng
    if "rules" in draw.args:
        raise Again
    arms = rng.random() < 0.15
    found, texts = [], []
    shape = rng.choice(
        [
            "{who} get {what}",
            "{what} for {who}",
            "{what} to {who}",
            "{who}: {what}",
            "give {who} {what}",
            "{who} -> {what}",
            "{what} for {who}",
            "{who} get {what}",
        ]
    )
    for _ in range(rng.choice([1, 1, 2, 2, 2, 3])):
        where, who = condition(draw, rng.random() < 0.12)
        value, what = amount(draw, arms)
        found.append({"where": where, "amount": value})
        texts.append(shape.format(who=who, what=what))
    draw.set("rules", found)
    return rng.choice([", ", ", ", "; ", ", and "]).join(texts)


def only_rule(draw: Draw, detail: str) -> str:
    """``<onlyrule>``: an amount for one group only; ``<listrule>`` for a group of two values."""
    if "rules" in draw.args:
        raise Again
    where, who = condition(draw, detail == "list")
    value, what = amount(draw)
    if value == 0:
        raise Again
    draw.set("rules", [{"where": where, "amount": value}])
    shape = draw.rng.choice(
        ["{what} for {who} only", "{what} only for {who}", "{what} to {who} only", "{what} for {who} alone"]
    )
    return shape.format(what=what, who=who)


def other_arm(draw: Draw, detail: str) -> str:
    """``<armother>``: an arm for everybody."""
    arm = draw.rng.choice([name for name in ARMS if name != "control"])
    draw.set("otherwise", arm)
    return named(arm, draw.rng)


RULE_SLOTS = {
    "rules": rules,
    "onlyrule": only_rule,
    "listrule": lambda draw, _: only_rule(draw, "list"),
    "armother": other_arm,
}
