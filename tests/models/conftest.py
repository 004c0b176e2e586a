"""What tests of decoding share: the packaged model's tokenizer, and llguidance's view of it."""

from __future__ import annotations

import pytest

from bethink.models.grammar import tokenizer_for


@pytest.fixture(scope="session")
def tokenizer():
    from transformers import AutoTokenizer

    from bethink.models.convert import smollm2_folder

    return AutoTokenizer.from_pretrained(smollm2_folder())


@pytest.fixture(scope="session")
def guide(tokenizer):
    return tokenizer_for(tokenizer)
