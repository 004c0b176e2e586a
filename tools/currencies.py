"""Currencies: how they are written beside money, and their codes."""

from __future__ import annotations

_SIGNS = {
    "€": "EUR",
    "$": "USD",
    "us$": "USD",
    "a$": "AUD",
    "c$": "CAD",
    "r$": "BRL",
    "hk$": "HKD",
    "£": "GBP",
    "¥": "JPY",
    "円": "JPY",
    "元": "CNY",
    "₹": "INR",
    "₩": "KRW",
    "₽": "RUB",
    "₺": "TRY",
    "₫": "VND",
    "₴": "UAH",
    "₦": "NGN",
    "₱": "PHP",
    "฿": "THB",
    "zł": "PLN",
    "kč": "CZK",
    "euro": "EUR",
    "euros": "EUR",
    "dollar": "USD",
    "dollars": "USD",
    "yen": "JPY",
    "rmb": "CNY",
    "yuan": "CNY",
    "kr": "kr",
}
CODES = (
    "AED ARS AUD BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR JPY KRW KZT MAD MXN MYR NGN NOK NZD "
    "PEN PHP PKR PLN RON RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR"
)
CURRENCIES = {**_SIGNS, **{code.lower(): code for code in CODES.split()}}
"""What is written in front of or behind money, in small letters, and its code."""


def currency_code(text: str) -> str:
    """The code of a currency however it is written; what is not known comes back in capital letters.

    Example:
        >>> currency_code("€"), currency_code("euros"), currency_code("eur"), currency_code("Points")
        ('EUR', 'EUR', 'EUR', 'POINTS')
    """
    plain = text.strip()
    return CURRENCIES.get(plain.lower(), plain.upper())
