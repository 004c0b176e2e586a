"""The functions behind the grammars' slots: each says something and notes what it means."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Any

from bethink.models.training.calls.grammar import SENTENCE, Again, Draw, book, keep
from bethink.models.training.calls.numbers import CURRENCIES, any_budget, figures, money, number, percent, word
from bethink.models.training.calls.schema import ENUMS

_VALUES = {name: tuple(float(each) for each in line.split()) for name, line in book("numbers").families.items()}
FLOATS = {name: _VALUES[name] for name in ("noise", "shock", "alpha")}
"""Usual values of the arguments that are numbers."""
INTEGERS = {name: tuple(int(each) for each in values) for name, values in _VALUES.items() if name not in FLOATS}
"""Usual values of the arguments that are whole numbers."""
NUMBERS = frozenset({*INTEGERS, *FLOATS, "budget", "target", "otherwise"})
ENDINGS = {"table": (".csv", ".csv", ".csv", ".parquet"), "csv": (".csv",)}


def options(rule: str) -> tuple[str, ...]:
    """The alternatives of a common rule that is a plain choice."""
    return tuple(book("common").rules[rule].strip("{}").split("|"))


SEGMENTS, ARMS = options("segment"), options("arm")


def value_of(name: str, rng: random.Random) -> float:
    """A usual, seldom an odd value of an argument that is a number."""
    if name in ("budget",):
        return any_budget(rng)
    if name == "target":
        return rng.choice([1, 1.2, 1.5, 2, 2.5, 2.8, 3, 4, 5, 7, 8.5, 9]) * rng.choice(
            [100, 1000, 10_000, 10_000, 100_000]
        )
    if name == "otherwise":
        return rng.choice([1, 2, 2, 3, 4, 5, 5, 5, 6, 7, 8, 10, 10, 12, 15, 20, 25, 2.5, 7.5])
    if name in FLOATS:
        usual = rng.choice(FLOATS[name])
        return round(rng.uniform(0.03, 3), 2) if name == "noise" and rng.random() < 0.2 else usual
    pool = INTEGERS[name]
    if rng.random() < 0.2:
        return rng.randint(min(pool), max(pool[: len(pool) // 2 + 1]))
    return rng.choice(pool)


def _number(draw: Draw, name: str, detail: str = "") -> str:
    value = value_of(name, draw.rng)
    if name in draw.args:
        raise Again
    draw.set(name, value)
    if name in ("budget",):
        return money(value, draw.rng, currency_of(draw))
    if name == "otherwise":
        return money(value, draw.rng, currency_of(draw, 0.15))
    if name == "seed" or detail == "digits":
        return keep(f"{value:.10g}")
    return number(value, draw.rng, words=name != "noise")


def currency_of(draw: Draw, often: float = 0.5) -> str | None:
    """The text's currency, drawn once and noted; or none."""
    if "currency" not in draw.seen:
        named = draw.rng.random() < often
        usual = draw.rng.choice([*CURRENCIES, "EUR", "USD", "GBP", "EUR", "USD", "EUR"])
        draw.seen["currency"] = draw.args.get("currency") or (usual if named else None)
        if draw.seen["currency"]:
            draw.set("currency", draw.seen["currency"])
    found: str | None = draw.seen["currency"]
    return found


def _money_of(draw: Draw, key: str) -> str:
    """Several sums of money: ``budgets``, ``amounts``."""
    rng = draw.rng
    if key in draw.args:
        raise Again
    if key == "amounts":
        values: list[float] = sorted(rng.sample([1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 50], rng.randint(1, 4)))
        draw.set(key, values)
        return listing([money(each, rng, None) for each in values], rng)
    values = sorted({any_budget(rng) for _ in range(rng.randint(2, 5))})
    if rng.random() < 0.6:
        first, step = rng.choice([5, 10, 20, 25, 50, 100]), rng.choice([1, 2])
        scale = rng.choice([100, 1000, 1000])
        values = [
            first * scale * (1 + n * step) if step == 1 else first * scale * 2**n for n in range(rng.randint(2, 5))
        ]
    draw.set(key, values)
    currency = currency_of(draw, 0.35)
    texts = [money(each, rng, currency if n == len(values) - 1 else None) for n, each in enumerate(values)]
    return listing(texts, rng, either=True)


def listing(texts: Sequence[str], rng: random.Random, either: bool = False) -> str:
    """Texts in a row, as people write them."""
    if len(texts) == 1:
        return texts[0]
    last = rng.choice(
        [" and ", " and ", ", and " if len(texts) > 2 else " and ", ", ", " & "] + [" or "] * (2 * either)
    )
    comma = rng.choice([", ", ", ", " / " if rng.random() < 0.2 else ", "])
    if comma == " / ":
        last = " / "
    return comma.join(texts[:-1]) + last + texts[-1]


def file_name(rng: random.Random, draw: Draw, kind: str) -> str:
    """A made-up name of a file."""
    stem = draw.say("<filestem>")
    return stem + rng.choice(ENDINGS[kind])


def _file(draw: Draw, detail: str) -> str:
    """``<file:table>`` sets the upload; ``<file:table:log>`` the log."""
    kind, _, key = detail.partition(":")
    key = key or "upload"
    if key in draw.args:
        raise Again
    name = file_name(draw.rng, draw, kind or "table")
    if name in draw.args.values():
        raise Again
    draw.set(key, name)
    return keep(draw.rng.choice([name] * 8 + [f"“{name}”", f'"{name}"', f"'{name}'", f"`{name}`"]))


def _filters(draw: Draw, detail: str) -> str:
    """Some filters; ``<filters:one>`` one, ``<filters:but>`` all but one."""
    rng = draw.rng
    if "filters" in draw.args:
        raise Again
    names = list(ENUMS["filters"])
    if detail == "but":
        out = rng.choice(names)
        draw.set("filters", [name for name in names if name != out])
        return draw.say(f"<filter.{out}>")
    count = 1 if detail == "one" else rng.choice([2, 2, 2, 3, 3, 4])
    chosen = rng.sample(names, count)
    draw.set("filters", chosen)
    said = [draw.say(f"<filter.{name}>") for name in chosen]
    if rng.random() < 0.4:
        said = [each.removeprefix("the ").removeprefix("a ") for each in said]
    return listing(said, rng)


def _every(draw: Draw, detail: str) -> str:
    value = draw.rng.choice([2, 2, 3, 4, 5, 5, 8, 10, 20])
    if "observe_every" in draw.args:
        raise Again
    draw.set("observe_every", value)
    if detail == "nth":
        names = {2: ("second", "other", "2nd"), 3: ("third", "3rd"), 4: ("fourth", "4th"), 5: ("fifth", "5th")}
        names |= {8: ("eighth", "8th"), 10: ("tenth", "10th"), 20: ("twentieth", "20th")}
        return keep(draw.rng.choice(names[value]))
    if detail == "part":
        names = {
            2: ("half", "one in two", "50 %"),
            3: ("a third", "one in three"),
            4: ("a quarter", "one in four", "25 %"),
        }
        names |= {5: ("a fifth", "one in five", "20%"), 8: ("an eighth", "one in eight")}
        names |= {10: ("a tenth", "one in ten", "10 %"), 20: ("one in twenty",)}
        return keep(draw.rng.choice(names[value]))
    return number(value, draw.rng, words=False)


def columns_of(draw: Draw, count: int) -> list[str]:
    """Some names of columns, none twice."""
    found: list[str] = []
    for _ in range(60):
        name = draw.say("<column>")
        if name not in found and name not in draw.seen.get("columns", []):
            found.append(name)
        if len(found) == count:
            draw.seen.setdefault("columns", []).extend(found)
            return found
    raise Again


def named(name: str, rng: random.Random) -> str:
    """A column or value as people write it."""
    return keep(rng.choice([name] * 6 + [f"`{name}`", f"'{name}'", f'"{name}"']))


def _columns(draw: Draw, key: str) -> str:
    """Columns as a list: ``columns`` of a table, ``segment_by``."""
    if key in draw.args:
        raise Again
    most = 2 if key == "segment_by" else 5
    names = columns_of(draw, draw.rng.choice([1, 1, 2] if key == "segment_by" else [1, 2, 2, 3, 3, most]))
    draw.set(key, names)
    return listing([named(name, draw.rng) for name in names], draw.rng)


def _given(draw: Draw, detail: str) -> str:
    rng = draw.rng
    if "given" in draw.args:
        raise Again
    names = columns_of(draw, rng.choice([1, 1, 1, 2]))
    values = [rng.choice([rng.randint(1, 99), rng.randint(1, 900), round(rng.uniform(0, 20), 1)]) for _ in names]
    draw.set("given", dict(zip(names, values, strict=True)))
    shape = rng.choice(["{} = {}", "{}={}", "{} {}", "{} of {}", "{} at {}", "{} being {}", "{} equal to {}", "{}: {}"])
    pairs = zip(names, values, strict=True)
    return listing([shape.format(named(name, rng), keep(f"{value:g}")) for name, value in pairs], rng)


def _sure(draw: Draw, detail: str) -> str:
    """How sure (``95 %``), or with ``<sure:risk>`` the risk (``5 %``)."""
    alpha = draw.rng.choice([0.05, 0.05, *FLOATS["alpha"], 0.1, 0.1, 0.01])
    draw.set("guarantee", "chance")
    draw.set("alpha", alpha)
    if detail != "risk" and alpha in (0.1, 0.05, 0.2) and draw.rng.random() < 0.15:
        names = {
            0.1: ("nine times out of ten", "9 times in 10"),
            0.05: ("19 times out of 20",),
            0.2: ("4 times out of 5",),
        }
        return keep(draw.rng.choice(names[alpha]))
    return percent(alpha if detail == "risk" else round(1 - alpha, 4), draw.rng)


def _caps(draw: Draw, detail: str) -> str:
    rng = draw.rng
    if "constraints" in draw.args or draw.args.get("guarantee") == "hard":
        raise Again
    names = rng.sample(SEGMENTS, rng.choice([1, 1, 1, 2]))
    shares = [rng.choice([0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6]) for _ in names]
    pairs = list(zip(names, shares, strict=True))
    draw.set("constraints", [{"segment": name, "max_share": share} for name, share in pairs])
    patterns = {
        "of": ("{s} of the {m} for {n}", "{s} of it for {n}", "{s} to {n}", "{s} on {n}"),
        "": ("{n} at {s}", "{n} to {s}", "{n} {s}"),
    }[detail]
    shape = rng.choice(patterns)
    pot = rng.choice(["money", "budget", "pot", "total"])
    return listing([shape.format(n=named(name, rng), s=percent(share, rng), m=pot) for name, share in pairs], rng)


def _arm_costs(draw: Draw, detail: str) -> str:
    rng = draw.rng
    if "arm_costs" in draw.args:
        raise Again
    arms = rng.sample(ARMS, rng.choice([1, 2, 2, 3]))
    costs = [rng.choice([0.01, 0.02, 0.05, 0.08, 0.1, 0.12, 0.25, 0.5, 0.7, 0.85, 1, 1.2, 1.5, 2, 3]) for _ in arms]
    draw.set("arm_costs", dict(zip(arms, costs, strict=True)))
    currency = currency_of(draw, 0.3)
    shape = rng.choice(["{} costs {}", "{} {}", "{} = {}", "{}: {}", "{} at {}", "{} for {}", "{} is {}"])
    pairs = zip(arms, costs, strict=True)
    return listing([shape.format(named(arm, rng), money(cost, rng, currency)) for arm, cost in pairs], rng)


def _role(draw: Draw, role: str) -> str:
    """A column's role in a campaign: ``<role:reward>``; ``<role:none.time>`` says that there is none."""
    columns = draw.args.setdefault("columns", {})
    missing = role.startswith("none.")
    role = role.removeprefix("none.")
    if role in columns or (role == "propensities" and "propensity" in columns):
        raise Again
    if missing:
        columns[role] = ""
        return ""
    if role == "propensities":
        start = draw.rng.choice(["p", "p_", "prob_", "prop"])
        names = [
            f"{start}{amount}" for amount in [0, *sorted(draw.rng.sample([2, 5, 10, 20], draw.rng.choice([1, 2, 3])))]
        ]
        columns["propensity"] = names
        return listing([named(name, draw.rng) for name in names], draw.rng)
    if role in ("features", "ignore"):
        names = columns_of(draw, draw.rng.choice([1, 1, 2, 3]))
        columns[role] = names
        return listing([named(name, draw.rng) for name in names], draw.rng)
    name = draw.say(f"<column.{role}>")
    if name in [each for each in columns.values() if isinstance(each, str)]:
        raise Again
    columns[role] = name
    return named(name, draw.rng)


def _text(draw: Draw, detail: str) -> str:
    """``<text:rule:key>``: words of a rule that become an argument as they are."""
    rule, _, key = detail.partition(":")
    said = re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", draw.say(f"<{rule}>"))
    if key in draw.args:
        raise Again
    draw.set(key, re.sub(r"^an? ", "", said) if key == "query" and not rule.startswith("title") else said)
    return (SENTENCE if key == "taste" else "") + keep(said)


def _titles(draw: Draw, detail: str) -> str:
    """``<titles:film:liked>``: one to three titles."""
    kind, _, key = detail.partition(":")
    rng = draw.rng
    if key in draw.args:
        raise Again
    count, found = rng.choice([1, 1, 1, 2, 2, 3]), []
    for _ in range(20):
        title = draw.say(f"<title.{kind}>")
        if title not in found and title not in draw.seen.get("titles", []):
            found.append(title)
        if len(found) == count:
            break
    draw.seen.setdefault("titles", []).extend(found)
    draw.set(key, found)
    quote = rng.choice(["{}"] * 6 + ['"{}"', "“{}”", "'{}'", "*{}*"])
    return listing([keep(quote.format(each)) for each in found], rng)


def _customer(draw: Draw, detail: str) -> str:
    rng = draw.rng
    if "customer" in draw.args:
        raise Again
    name = rng.choice(
        [
            str(rng.randint(1, 99_999)),
            str(rng.randint(100, 9_999)),
            f"C-{rng.randint(10, 9999)}",
            f"u{rng.randint(1, 9999)}",
            f"user_{rng.randint(1, 500)}",
            f"{rng.choice('ABKXZ')}{rng.randint(100, 99999)}",
            f"{rng.randint(10, 99)}-{rng.randint(100, 999)}",
            f"cust{rng.randint(1, 999):04d}",
            draw.say("<forename>").lower() + str(rng.randint(1, 99)),
        ]
    )
    draw.set("customer", name)
    return keep(name)


def _fixed(draw: Draw, detail: str) -> str:
    """``<keep:rule>``: words of a rule that later layers leave alone, and that mean nothing."""
    return keep(draw.say(f"<{detail}>"))


def _loose(draw: Draw, detail: str) -> str:
    """``<number:2-50>``: a number that means nothing to a tool."""
    low, _, high = detail.partition("-")
    return keep(figures(draw.rng.randint(int(low), int(high)), draw.rng))


def _ordinal(draw: Draw, detail: str) -> str:
    value = value_of("k", draw.rng)
    if "k" in draw.args:
        raise Again
    draw.set("k", value)
    return keep(word(int(value)) or str(value))


SLOTS: dict[str, Callable[[Draw, str], str]] = {
    **{name: (lambda draw, detail, name=name: _number(draw, name, detail)) for name in NUMBERS},  # type: ignore[misc]
    "file": _file,
    "filters": _filters,
    "every": _every,
    "columns": lambda draw, key: _columns(draw, key or "columns"),
    "given": _given,
    "sure": _sure,
    "caps": _caps,
    "arm_costs": _arm_costs,
    "role": _role,
    "text": _text,
    "titles": _titles,
    "customer": _customer,
    "keep": _fixed,
    "number": _loose,
    "k_word": _ordinal,
    "money": _money_of,
}


def with_rules(extra: dict[str, Any]) -> dict[str, Callable[[Draw, str], str]]:
    """The slots, and some more."""
    return {**SLOTS, **extra}
