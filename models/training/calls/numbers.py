"""Numbers as people write them; each form is kept from later changes, for an answer copies its value."""

from __future__ import annotations

import random

from bethink.models.training.calls.grammar import keep

WORDS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]
_TENS = dict(
    zip(range(20, 100, 10), ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], strict=True)
)
CURRENCIES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "EUR": (("€", "€ ", "EUR "), (" euros", " EUR", " €", "€", " euro", " eur")),
    "USD": (("$", "US$", "USD "), (" dollars", " USD", "$", " US dollars", " bucks")),
    "GBP": (("£", "GBP "), (" pounds", " GBP", " quid", " pounds sterling")),
    "CHF": (("CHF ", "Fr. "), (" CHF", " Swiss francs", " francs")),
    "PLN": (("PLN ",), (" zł", " PLN", " zloty")),
    "SEK": (("SEK ",), (" SEK", " Swedish kronor")),
    "INR": (("₹", "INR ", "Rs "), (" rupees", " INR")),
    "JPY": (("¥", "JPY "), (" yen", " JPY")),
    "BRL": (("R$ ", "R$"), (" reais", " BRL")),
    "CAD": (("C$", "CAD "), (" Canadian dollars", " CAD")),
    "AUD": (("A$", "AUD "), (" Australian dollars", " AUD")),
}
"""How a currency stands before and behind an amount."""


def word(value: int) -> str | None:
    """A small or round number in words, if that is usual."""
    if 0 <= value <= 20:
        return WORDS[value]
    if value in _TENS:
        return _TENS[value]
    if value < 100:
        return f"{_TENS[value - value % 10]}-{WORDS[value % 10]}"
    if value in (100, 200, 300, 400, 500):
        return f"{WORDS[value // 100] if value > 100 else 'a'} hundred"
    if value in (1000, 2000, 3000, 5000, 10000, 20000, 50000):
        return f"{word(value // 1000) if value > 1000 else 'a'} thousand"
    return None


def figures(value: float, rng: random.Random, words: bool = True) -> str:
    """The number in one of its forms, without marks."""
    if value != int(value):
        text = f"{value:g}"
        if text.startswith("0.") and rng.random() < 0.12:
            return text[1:]
        return text.replace(".", ",") if rng.random() < 0.03 else text
    value = int(value)
    forms = [str(value)] * 3
    if value >= 1000:
        forms += [f"{value:,}"] * 3 + ([f"{value:,}".replace(",", " ")] if value >= 10_000 else [])
        if value % 1000 == 0 and value < 1_000_000:
            forms += [f"{value // 1000}k"] * 2 + [f"{value // 1000}K", f"{value // 1000} thousand"]
        elif value % 100 == 0 and value < 100_000:
            forms += [f"{value / 1000:g}k"]
        if value >= 1_000_000 and value % 100_000 == 0:
            forms += [f"{value / 1e6:g} million", f"{value / 1e6:g}m", f"{value / 1e6:g}M", f"{value / 1e6:g} million"]
    spelt = word(value)
    if words and spelt and rng.random() < (0.45 if value <= 12 else 0.12):
        return spelt
    return rng.choice(forms)


def number(value: float, rng: random.Random, words: bool = True) -> str:
    """The number in one of its forms, kept."""
    return keep(figures(value, rng, words))


def money(value: float, rng: random.Random, currency: str | None) -> str:
    """An amount of money, with its currency if there is one."""
    text = figures(value, rng, words=currency is not None and value >= 10)
    if currency is None:
        return keep(text)
    before, behind = CURRENCIES[currency]
    if text[0].isalpha() or rng.random() < 0.5:
        return keep(text + rng.choice(behind[:1] if text[-1].isalpha() and text[-1] not in "kK" else behind))
    return keep(rng.choice(before) + text)


def percent(share: float, rng: random.Random) -> str:
    """A share in one of its forms."""
    points = f"{round(share * 100, 4):g}"
    forms = [f"{points}%"] * 4 + [f"{points} %"] * 3 + [f"{points} percent", f"{points} per cent"]
    named = {0.5: "half", 0.25: "a quarter", 0.2: "a fifth", 0.1: "a tenth", 0.75: "three quarters"}
    if share in named and rng.random() < 0.25:
        return keep(named[share])
    return keep(rng.choice(forms))


def any_budget(rng: random.Random) -> int:
    """A sum that somebody may have to spend."""
    kind = rng.random()
    if kind < 0.55:
        return rng.choice([1, 1.5, 2, 2.5, 3, 4, 5, 6, 7.5, 8, 9, 12, 15, 18, 25, 35, 45, 60]) * rng.choice(  # type: ignore[return-value]
            [100, 1000, 1000, 1000, 10_000, 10_000, 100_000]
        )
    if kind < 0.9:
        return rng.randrange(3, 400) * rng.choice([50, 100, 250, 500, 1000])
    return rng.randrange(120, 99_999)
