from __future__ import annotations

import pytest

from bethink.memory.redact import REMOVED, redact


@pytest.mark.parametrize(
    "secret",
    [
        "sk-abcdefghijklmnop1234567890",
        "sk-proj-abcDEF1234567890abcdef",
        "AKIAABCDEFGHIJKLMNOP",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "xoxb-123456789012-abcdefghij",
        "hf_abcdefghijklmnopqrstuvwxyz",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
        "4111 1111 1111 1111",
        "5500-0000-0000-0004",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_secrets_go_and_the_rest_stays(secret):
    told = redact(f"Here it is: {secret} and I live in Porto.")
    assert told == f"Here it is: {REMOVED} and I live in Porto."


@pytest.mark.parametrize(
    "text", ["My password is hunter2", "password: hunter2", "my PIN is 4821", "API key = abc123", "pins: 4821"]
)
def test_named_secrets_go(text):
    assert redact(text).endswith(REMOVED)
    assert redact(f"{text}. I live in Porto.") == f"{redact(text)}. I live in Porto."
    assert not any(secret in redact(text) for secret in ("hunter2", "4821", "abc123"))


@pytest.mark.parametrize(
    "text",
    [
        "My phone number is +351 912 345 678.",
        "I was born on 1990-05-05 and my flight is TP1234.",
        "The number 4111 1111 1111 1112 is not a card.",
        "I forgot my password again.",
        "My password is not safe.",
        "Pineapple juice is tasty, my pinned tabs: three.",
        "I like sk8er boys and risk-averse-investments.",
    ],
)
def test_ordinary_numbers_and_words_stay(text):
    assert redact(text) == text


@pytest.mark.parametrize("text", ["My password is hunter2.", "my PIN is 4821 and my card is 4111 1111 1111 1111"])
def test_what_was_cut_once_stays_as_it_is(text):
    assert redact(redact(text)) == redact(text)
