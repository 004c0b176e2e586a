"""Currencies however they are written."""

from __future__ import annotations

from bethink.tools.currencies import CODES, CURRENCIES, currency_code


def test_signs_words_and_codes():
    assert [currency_code(text) for text in (" Euro ", "€", "eur", "zł", "Points")] == [
        "EUR",
        "EUR",
        "EUR",
        "PLN",
        "POINTS",
    ]


def test_every_code_stands_for_itself():
    assert all(currency_code(code.lower()) == code for code in CODES.split())
    assert set(CURRENCIES.values()) - set(CODES.split()) == {"kr"}
