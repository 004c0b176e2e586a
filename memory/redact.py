"""Secrets are not stored: keys, passwords and card numbers are cut out before anything is written."""

from __future__ import annotations

import re

REMOVED = "[secret removed]"
_SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\b(?:sk|pk|rk)[-_](?:[A-Za-z]+[-_])*[A-Za-z0-9_-]{16,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[opsur]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}"
    r"|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{30,}|\bhf_[A-Za-z0-9]{20,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
    r"|(?<=bearer )[\w.~+/-]{16,}=*",
    re.DOTALL | re.IGNORECASE,
)
_NAMED = re.compile(
    r"\b(?P<name>pass ?(?:word|phrase|code)|passwd|pin(?: code| number)?|api[ _-]?key|access[ _-]?token"
    r"|secret[ _-]?key|cvv|cvc)(?P<link>s?(?![^\W\d_])[\w ]{0,30}?(?: is| was|:|=)\s*)"
    r"(?P<value>(?!(?:not|an?|the|too|very|still|wrong|my)\b|\[secret removed\])\S+?)(?=[.,;!?]*(?:\s|$))",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"(?<![\d.+])\d(?:[ -]?\d){12,18}(?!\d)")


def redact(text: str) -> str:
    """The text with every secret replaced by ``[secret removed]``. Card numbers are told by their Luhn digit."""
    text = _SECRETS.sub(REMOVED, text)
    text = _NAMED.sub(lambda match: f"{match['name']}{match['link']}{REMOVED}", text)
    return _DIGITS.sub(lambda match: REMOVED if _luhn(match.group()) else match.group(), text)


def _luhn(number: str) -> bool:
    digits = [int(char) for char in number if char.isdigit()]
    doubled = [sum(divmod(2 * d, 10)) if i % 2 else d for i, d in enumerate(reversed(digits))]
    return len(set(digits)) > 1 and sum(doubled) % 10 == 0
