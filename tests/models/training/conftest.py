from __future__ import annotations

import json

import pytest


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory):
    """A folder with a very small random Llama and the default backbone's real tokenizer."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from bethink.models.convert import smollm2_folder

    folder = tmp_path_factory.mktemp("tiny") / "tiny"
    tokenizer = AutoTokenizer.from_pretrained(smollm2_folder())
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = LlamaConfig(**sizes, num_key_value_heads=2, vocab_size=len(tokenizer), tie_word_embeddings=True)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def settings_file(tiny_base, tmp_path):
    """A settings file with two tasks that can be learnt: which letter follows which."""
    rows = [
        {"task": "after", "prompt": f"{a} then", "answer": f" {b}"} for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    rows += [{"task": "yes", "prompt": f"Is it {word}?", "answer": " yes"} for word in ("red", "blue", "green", "old")]
    text = "\n".join(map(json.dumps, rows))
    (tmp_path / "mine.jsonl").write_text(text, encoding="utf-8")
    file = tmp_path / "letters.toml"
    file.write_text(
        f"base = {json.dumps(str(tiny_base))}\nsteps = 12\nbatch_size = 4\nsave_every = 4\nmax_length = 32\nlr = 1e-2\nr = 2\n"
        'precision = "float32"\n[examples]\nmine = "mine.jsonl"\n[validation]\nmine = "mine.jsonl"\n',
        encoding="utf-8",
    )
    return file
