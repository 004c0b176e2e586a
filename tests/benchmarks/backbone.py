"""Speed and exactness of the default backbone beside transformers, PyTorch's int8 and llama.cpp, all in one run.

``make bench NAME=backbone``. llama.cpp takes part when ``llama_cpp`` can be imported by this Python, or by the one that
``BETHINK_LLAMA_PYTHON`` names. About ten minutes on two cores; close everything else first.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bethink.models.chat import ChatLocal
from bethink.models.convert import packaged_gguf, smollm2_folder
from bethink.models.engine import Engine, load_engine
from tests.benchmarks.report import Bar, alternate, bar, finish, show

ROUNDS = 5
NEW = 128
"""Tokens of a decode run, after a prompt of 120."""
TURN_NEW = 40
LONG = 1000
TEXT_TOKENS = 3600
PEER = Path(__file__).parent / "peers" / "llama_cpp_speed.py"
GIGA = 1e9


class LlamaCpp:
    """llama.cpp in a process of its own, asked over a pipe."""

    def __init__(self, python: str, gguf: Path, threads: int) -> None:
        command = [python, str(PEER), str(gguf), str(threads)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.version = str(self._answer()["version"])

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("llama.cpp's process ended")
        return dict(json.loads(line))

    def ask(self, do: str, prompt: list[int], new: int = 0) -> dict[str, Any]:
        """One job; see the peer's own docstring."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, "prompt": prompt, "new": new}) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)


def start_llama_cpp(gguf: Path, threads: int) -> tuple[LlamaCpp | None, str]:
    """(the peer, why there is none)."""
    python = os.environ.get("BETHINK_LLAMA_PYTHON") or sys.executable
    found = subprocess.run([python, "-c", "import llama_cpp"], capture_output=True, text=True)
    if found.returncode:
        return None, f"llama.cpp is left out: {python} cannot import llama_cpp (set BETHINK_LLAMA_PYTHON)."
    try:
        return LlamaCpp(python, gguf, threads), ""
    except RuntimeError as problem:
        return None, f"llama.cpp is left out: {problem}."


def bandwidth() -> float:
    """Bytes a second in one pass over 512 MB, by the faster of two readers: a sum and a matrix-vector product."""
    data = torch.ones(32768, 4096)
    vector = torch.ones(4096)
    readers: list[Callable[[], object]] = [data.sum, lambda: torch.mv(data, vector)]
    best = 0.0
    for _ in range(8):
        for read in readers:
            start = time.perf_counter()
            read()
            best = max(best, data.nbytes / (time.perf_counter() - start))
    return best


def real_text() -> str:
    """English dialogue the model has not been tuned on: GVD's."""
    from bethink.agents.evaluation.gvd import load_gvd

    parts = []
    for dialogue in load_gvd():
        parts.extend(f"{turn.query}\n{turn.response}" for turn in dialogue.exchanges[:8])
    return "\n".join(parts)


@torch.inference_mode()
def hf_perplexity(model: Any, ids: list[int]) -> float:
    """transformers' own forward over the whole text at once."""
    logits = model(torch.tensor([ids])).logits[0, :-1].float()
    return float(torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:])).exp())


@torch.inference_mode()
def hf_seconds(model: Any, ids: list[int], new: int) -> float:
    """Seconds of plain ``generate``: prompt and exactly ``new`` tokens."""
    tokens = torch.tensor([ids])
    start = time.perf_counter()
    model.generate(
        tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=new, min_new_tokens=new, do_sample=False
    )
    return time.perf_counter() - start


def hf_decode(model: Any, ids: list[int]) -> float:
    """Tokens a second of ``generate`` once the prompt is read (its first token is taken off)."""
    first = hf_seconds(model, ids, 1)
    return (NEW - 1) / (hf_seconds(model, ids, NEW) - first)


def our_turn(engine: Engine, ids: list[int], new: int, *, kept: bool) -> float:
    """Seconds of a whole turn; without ``kept``, everything kept from earlier turns is dropped first."""
    if not kept:
        engine.forget_kept()
    start = time.perf_counter()
    list(engine.generate(ids, max_new_tokens=new))
    return time.perf_counter() - start


def our_decode(engine: Engine, ids: list[int]) -> float:
    """Tokens a second after the prompt."""
    engine.forget_kept()
    count = len(list(engine.generate(ids, max_new_tokens=NEW)))
    return (count - 1) / engine.last.decode_s


def our_prefill(engine: Engine, ids: list[int]) -> float:
    """Seconds to read a prompt and give its first token."""
    return our_turn(engine, ids, 1, kept=False)


def turn_prompts(engine: Engine, count: int) -> list[list[int]]:
    """``count`` prompts of one long system message (about 700 tokens, as with a toolbox) and short questions."""
    from langchain_core.messages import HumanMessage, SystemMessage

    chat = ChatLocal(open_engine=lambda: engine)
    line = (
        "Tool number {0}: takes a value and a unit, and answers with the value in another unit, rounded to {0} places."
    )
    system = "You are a helpful assistant.\n" + "\n".join(line.format(number) for number in range(26))
    ask = "What is {} plus {}?"
    return [
        chat._encode(chat.prompt([SystemMessage(system), HumanMessage(ask.format(n, 2 * n + 1))], []))
        for n in range(count)
    ]


def load_peers(folder: Path) -> tuple[dict[str, Any], str]:
    """transformers' model in fp32, bf16 and dynamic int8, and what made the int8."""
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()

    def load(dtype: torch.dtype) -> Any:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True).eval()
        model.generation_config.eos_token_id = None
        return model

    eight, made_by = load(torch.float32), "torch.ao"
    try:
        from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

        quantize_(eight, Int8DynamicActivationInt8WeightConfig())
        made_by = "torchao"
    except ImportError:
        eight = torch.ao.quantization.quantize_dynamic(eight, {torch.nn.Linear}, dtype=torch.qint8)
    return {"fp32": load(torch.float32), "bf16": load(torch.bfloat16), "int8": eight}, made_by


def main() -> None:
    gguf, folder = packaged_gguf(), smollm2_folder()
    start = time.perf_counter()
    engine = load_engine(folder)
    load_s = time.perf_counter() - start
    engine.stop_ids = frozenset()  # every run writes as many tokens as it is asked for
    peers, eight_by = load_peers(folder)
    threads = torch.get_num_threads()
    llama, why = start_llama_cpp(gguf, threads)
    if why:
        print(why)
    kernel = engine.decoder.kernel
    ids = engine.tokenizer.encode(real_text(), add_special_tokens=False)
    short, long = ids[:120], ids[:LONG]

    speed = bandwidth()
    weights = sum(parameter.numel() for parameter in peers["fp32"].parameters())
    limits = {
        name: speed / (weights * bits / 8) for name, bits in (("fp32", 32), ("bf16", 16), ("int8", 8), ("int4", 5))
    }

    decode_runs: dict[str, Callable[[], float]] = {
        "transformers fp32": lambda: hf_decode(peers["fp32"], short),
        "transformers bf16": lambda: hf_decode(peers["bf16"], short),
        f"transformers int8 ({eight_by})": lambda: hf_decode(peers["int8"], short),
        "ours": lambda: our_decode(engine, short),
    }
    prefill_runs: dict[str, Callable[[], float]] = {
        "transformers fp32": lambda: hf_seconds(peers["fp32"], long, 1),
        "transformers bf16": lambda: hf_seconds(peers["bf16"], long, 1),
        f"transformers int8 ({eight_by})": lambda: hf_seconds(peers["int8"], long, 1),
        "ours": lambda: our_prefill(engine, long),
    }
    if llama is not None:
        peer = llama

        def llama_decode() -> float:
            answer = peer.ask("decode", short, NEW)
            return float(answer["n_eval"] / answer["eval_s"])

        decode_runs["llama.cpp"] = llama_decode
        prefill_runs["llama.cpp"] = lambda: float(peer.ask("prefill", long)["prefill_s"])
    for run in prefill_runs.values():
        run()  # the first pass packs weights and starts threads
    decode = alternate(decode_runs, ROUNDS)
    prefill = alternate(prefill_runs, ROUNDS)

    prompts = iter(turn_prompts(engine, 4 * ROUNDS + 2))
    our_turn(engine, next(prompts), 1, kept=False)
    turns = alternate(
        {
            "ours, prefix kept": lambda: our_turn(engine, next(prompts), TURN_NEW, kept=True),
            "ours, nothing kept": lambda: our_turn(engine, next(prompts), TURN_NEW, kept=False),
            "transformers fp32": lambda: hf_seconds(peers["fp32"], next(prompts), TURN_NEW),
        },
        ROUNDS,
    )
    if llama is not None:
        llama.close()
    text = ids[:TEXT_TOKENS]
    print("  perplexity ...", file=sys.stderr)
    theirs = hf_perplexity(peers["fp32"], text)
    stepped = engine.perplexity(text)
    report(decode, prefill, turns, limits, speed, theirs, stepped, len(text), kernel, threads, load_s, eight_by, llama)


def report(
    decode: dict[str, float],
    prefill: dict[str, float],
    turns: dict[str, float],
    limits: dict[str, float],
    speed: float,
    theirs: float,
    stepped: float,
    tokens: int,
    kernel: str,
    threads: int,
    load_s: float,
    eight_by: str,
    llama: LlamaCpp | None,
) -> None:
    """The tables, the bars and the file."""
    base = decode["transformers fp32"]
    rows = [(name, value, value / base, prefill[name]) for name, value in decode.items()]
    rows.extend((f"limit, {name} weights", limit, limit / base, "-") for name, limit in limits.items())
    title = f"SmolLM2-135M on {threads} threads; ours: {kernel}; memory read at {speed / GIGA:.1f} GB/s"
    show(title, ("", "tokens/s", "x fp32", f"{LONG:,} tokens read, s"), rows)
    show(
        f"A turn: about 700 tokens of system message, a short question, {TURN_NEW} tokens of answer",
        ("", "seconds"),
        list(turns.items()),
    )
    rise = stepped / theirs - 1
    show(
        f"Perplexity on {tokens:,} tokens of English dialogue (GVD), same weights",
        ("", "perplexity"),
        [("transformers fp32", theirs), (f"ours, token by token ({kernel})", stepped), ("rise, %", 100 * rise)],
    )
    against = llama is not None
    bars: list[Bar] = [
        bar("decode speed, times transformers fp32 generate", decode["ours"] / base, ">=", 3.0),
        bar("perplexity, rise in percent", 100 * rise, "<=", 1.0),
        bar(
            "prefill of 1,000 tokens, share of llama.cpp's seconds",
            prefill["ours"] / prefill["llama.cpp"] if against else None,
            "<=",
            1.0,
        ),
        bar(
            "turn with kept prefix, share of the turn without",
            turns["ours, prefix kept"] / turns["ours, nothing kept"],
            "<=",
            0.5,
        ),
        bar(
            "stretch: decode speed, share of llama.cpp's",
            decode["ours"] / decode["llama.cpp"] if against else None,
            ">=",
            1.0,
        ),
    ]
    figures = {
        "decode_tokens_per_s": decode,
        "prefill_1000_tokens_s": prefill,
        "turn_s": turns,
        "bandwidth_gb_per_s": speed / GIGA,
        "limit_tokens_per_s": limits,
        "perplexity": {"transformers fp32": theirs, "ours": stepped, "tokens": tokens},
        "kernel": kernel,
        "threads": threads,
        "load_s": load_s,
        "int8_by": eight_by,
        "llama_cpp": llama.version if llama is not None else None,
        "rounds": ROUNDS,
    }
    finish("backbone", figures, bars, packages=("torch", "transformers", "numpy", "bethink"))


if __name__ == "__main__":
    main()
