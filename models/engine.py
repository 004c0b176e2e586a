"""The one decode loop: read the prompt (what is already known of it is kept), then one token after the other."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from bethink.models.energy.flops import Shape

CLOSING = 256
"""Tokens a text under a grammar may take beyond its budget to come to its end by the shortest way."""
KEPT_BYTES = 512 * 1024 * 1024
KEPT_SEQUENCES = 6


class ContextOverflowError(ValueError):
    """The prompt does not fit into the model's context."""


class DamagedModelError(RuntimeError):
    """A model folder that cannot be loaded; the message says which and why."""


class TokenConstraint(Protocol):
    """A grammar that decoding keeps to."""

    @property
    def done(self) -> bool:
        """Whether nothing more may follow."""
        ...

    def mask(self, logits: Tensor) -> None:
        """Forbid tokens in place: their logits become minus infinity. logits: shape (vocab,)."""
        ...

    def accept(self, token: int) -> None:
        """Advance by one token."""
        ...

    def forced(self) -> list[int]:
        """The tokens that must follow; may be empty."""
        ...

    def hurry(self) -> bool:
        """Allow only the shortest way to the end from here on; False when there is nothing left to end."""
        ...


@dataclass(frozen=True)
class Generation:
    """What one generation took. ``finish_reason``: stop, length, cancelled or grammar."""

    tokens_in: int = 0
    tokens_in_cached: int = 0
    tokens_out: int = 0
    prefill_s: float = 0.0
    decode_s: float = 0.0
    finish_reason: str = "stop"


@dataclass
class _Kept:
    """A token sequence and its keys and values."""

    ids: list[int]
    cache: Any
    used: float = 0.0


class Engine:
    """A loaded model: one generation at a time, the keys and values of recent prompts kept in between.

    Args:
        decoder: a :class:`bethink.models.decoder.LlamaDecoder` or
            :class:`bethink.models.transformers_decoder.TransformersDecoder`.
        tokenizer: the model's transformers tokenizer.
        stop_ids: tokens that end an answer.
        shape: what its operations are counted from; None where it is not known.
        keep_prefix: whether keys and values of recent prompts are kept.
    """

    def __init__(
        self,
        decoder: Any,
        tokenizer: Any,
        stop_ids: Collection[int],
        *,
        name: str = "local",
        shape: Shape | None = None,
        keep_prefix: bool = True,
    ) -> None:
        self.decoder, self.tokenizer, self.name = decoder, tokenizer, name
        self.shape, self.keep_prefix = shape, keep_prefix
        self.stop_ids = frozenset(stop_ids)
        self.context_length: int = decoder.context_length
        self.last = Generation()
        self._kept: list[_Kept] = []
        self._lock = threading.Lock()
        self._line: list[object] = []
        self._moved = threading.Condition()

    def describe(self) -> dict[str, Any]:
        """What runs here, for people and reports."""
        return {
            "name": self.name,
            "kernel": self.decoder.kernel,
            "layers": self.decoder.layers,
            "width": self.decoder.width,
            "context_length": self.context_length,
            "threads": torch.get_num_threads(),
        }

    def generate(
        self,
        ids: list[int],
        *,
        max_new_tokens: int,
        temperature: float = 0.0,
        top_p: float = 1.0,
        repetition_penalty: float = 1.0,
        seed: int | None = None,
        stop_ids: Collection[int] = (),
        constraint: TokenConstraint | None = None,
        cancel: threading.Event | None = None,
        waiting: Callable[[int], None] | None = None,
    ) -> Iterator[int]:
        """Yield the tokens that follow ``ids``, without the one that ends them; ``last`` then says what it took.

        One text is written at a time, in the order they were asked for; ``waiting`` is told how many come before this
        one, whenever that changes.

        ``temperature`` 0 takes the likeliest token. ``repetition_penalty`` counts generated tokens only: penalising the
        prompt would punish an answer for using the question's words. A text under a grammar that is not complete when
        ``max_new_tokens`` are spent is ended by the shortest way, in a few tokens more.

        Raises:
            ContextOverflowError: at the first token, when prompt and answer cannot fit into the context.
        """
        if not ids:
            raise ValueError("The prompt is empty.")
        room = self.context_length - len(ids)
        if room < 1:
            raise ContextOverflowError(
                f"The prompt has {len(ids):,} tokens; {self.name} reads at most {self.context_length - 1:,}. "
                "Shorten the message or start a new chat."
            )
        stops = self.stop_ids | set(stop_ids)
        cancel = cancel or threading.Event()
        generator = torch.Generator().manual_seed(seed) if seed is not None else None
        out: list[int] = []
        hurried = False
        budget = min(max_new_tokens, room if constraint is None else max(1, room - CLOSING))
        with self._turn(cancel, waiting) as mine:
            if not mine:
                self.last = Generation(len(ids), finish_reason="cancelled")
                return
            start = time.perf_counter()
            kept, cached = self._prepare(ids)
            reason, prefill_s, decoding = "length", 0.0, start
            try:
                logits = self._read(ids, kept, cancel)
                decoding = time.perf_counter()
                prefill_s = decoding - start
                if logits is None:
                    reason = "cancelled"
                while logits is not None:
                    if cancel.is_set():
                        reason = "cancelled"
                        break
                    if len(out) >= budget:
                        if constraint is None or hurried or not constraint.hurry():
                            break
                        hurried, budget = True, min(room, budget + CLOSING)
                    todo = constraint.forced() if constraint is not None else []
                    if not todo:
                        token = _pick(logits, out, constraint, temperature, top_p, repetition_penalty, generator)
                        if token in stops and (constraint is None or not constraint.done):
                            reason = "stop"
                            break
                        todo = [token]
                    todo = todo[: budget - len(out)]
                    for token in todo:
                        if constraint is not None:
                            constraint.accept(token)
                        out.append(token)
                        yield token
                    if constraint is not None and constraint.done:
                        reason = "grammar"
                        break
                    if len(out) < budget or (constraint is not None and not hurried):
                        logits = self.decoder.forward(todo, kept.cache)
            finally:
                # only what was read as a prompt is kept (also when the listener leaves in the middle)
                kept.cache.crop(len(kept.ids))
                decode_s = time.perf_counter() - decoding
                self.last = Generation(len(ids), cached, len(out), prefill_s, decode_s, reason)
                self._trim()

    @contextmanager
    def _turn(self, cancel: threading.Event, waiting: Callable[[int], None] | None) -> Iterator[bool]:
        """Wait for the generations before; whoever presses stop need not wait (then the value is False)."""
        mine, told = object(), 0
        with self._moved:
            self._line.append(mine)
        try:
            while (before := self._before(mine)) and not cancel.is_set():
                if waiting is not None and before != told:
                    waiting(before)
                    told = before
            if told and not before and waiting is not None:
                waiting(0)
            if before:
                yield False
            else:
                with self._lock:
                    yield True
        finally:
            with self._moved:
                self._line.remove(mine)
                self._moved.notify_all()

    def _before(self, mine: object) -> int:
        """How many are before this one in the line, after a look or up to 50 ms of waiting."""
        with self._moved:
            if self._line[0] is not mine:
                self._moved.wait(timeout=0.05)
            return self._line.index(mine)

    def _prepare(self, ids: list[int]) -> tuple[_Kept, int]:
        """The sequence to go on with, and how many tokens of the prompt it holds already."""
        best, shared = None, 0
        for kept in self._kept:
            same = _common(kept.ids, ids)
            if same > shared:
                best, shared = kept, same
        # the last prompt token is always read: its logits are what the answer starts from
        shared = min(shared, len(ids) - 1) // self.decoder.block * self.decoder.block
        if best is not None and shared and shared == len(best.ids):
            chosen = best
        elif best is not None and shared:
            chosen = _Kept(ids[:shared], best.cache.clone(shared))
            self._kept.append(chosen)
            best.used = time.monotonic()
        else:
            chosen, shared = _Kept([], self.decoder.new_cache(max(512, 1 << len(ids).bit_length()))), 0
            self._kept.append(chosen)
        chosen.used = time.monotonic()
        return chosen, shared

    def _read(self, ids: list[int], kept: _Kept, cancel: threading.Event) -> Tensor | None:
        logits = None
        while len(kept.ids) < len(ids):
            if cancel.is_set():
                return None
            part = ids[len(kept.ids) : len(kept.ids) + self.decoder.block]
            logits = self.decoder.forward(part, kept.cache, prompt=True)
            kept.ids.extend(part)
        return logits

    def _trim(self) -> None:
        """Drop the sequences used longest ago until the rest fits."""
        if not self.keep_prefix:
            self._kept = []
        self._kept.sort(key=lambda kept: kept.used, reverse=True)
        total = 0
        keep: list[_Kept] = []
        for kept in self._kept:
            total += kept.cache.nbytes
            if len(keep) < KEPT_SEQUENCES and (not keep or total <= KEPT_BYTES):
                keep.append(kept)
        self._kept = keep

    def forget_kept(self) -> None:
        """Drop all kept keys and values."""
        with self._lock:
            self._kept = []

    def likelihoods(self, ids: list[int], options: Sequence[list[int]]) -> list[float]:
        """The probability of each of ``options`` (tokens) as what begins the text after ``ids``.

        Cost: the prompt once, but for what is kept of it, and each option.

        Raises:
            ContextOverflowError: prompt and options do not fit into the context.
            ValueError: an empty prompt or option.
        """
        if not ids or not all(options):
            raise ValueError("The prompt or an option is empty.")
        if len(ids) + max(map(len, options), default=0) > self.context_length:
            raise ContextOverflowError(
                f"The prompt has {len(ids):,} tokens; {self.name} reads {self.context_length:,}."
            )
        found = []
        with self._turn(cancel := threading.Event(), None):
            kept, _ = self._prepare(ids)
            try:
                after = self._read(ids, kept, cancel)
                assert after is not None
                first = torch.log_softmax(after.float(), -1)
                for option in options:
                    total = first[option[0]]
                    if len(option) > 1:
                        each = self.decoder.forward(option[:-1], kept.cache, prompt=True, every=True)
                        kept.cache.crop(len(ids))
                        rest = torch.tensor(option[1:])[:, None]
                        total = total + torch.log_softmax(each.float(), -1).gather(1, rest).sum()
                    found.append(float(total.exp()))
            finally:
                kept.cache.crop(len(kept.ids))
                self._trim()
        return found

    def perplexity(self, ids: list[int], *, prompt: int = 1) -> float:
        """exp of the mean negative log-likelihood of ``ids[prompt:]``, each token read alone, as in decoding."""
        with self._lock:
            cache = self.decoder.new_cache(max(512, 1 << len(ids).bit_length()))
            logits = self.decoder.forward(ids[:prompt], cache)
            total = 0.0
            for token in ids[prompt:]:
                total -= float(torch.log_softmax(logits, -1)[token])
                logits = self.decoder.forward([token], cache)
        return float(torch.tensor(total / (len(ids) - prompt)).exp())


def _common(a: list[int], b: list[int]) -> int:
    """Length of the common prefix."""
    for index, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return index
    return min(len(a), len(b))


@torch.inference_mode()
def _pick(
    logits: Tensor,
    out: list[int],
    constraint: TokenConstraint | None,
    temperature: float,
    top_p: float,
    penalty: float,
    generator: torch.Generator | None,
) -> int:
    if penalty != 1.0 and out:
        seen = torch.tensor(sorted(set(out)), device=logits.device)
        values = logits[seen]
        logits[seen] = torch.where(values > 0, values / penalty, values * penalty)
    if constraint is not None:
        constraint.mask(logits)
    if temperature <= 0:
        return int(logits.argmax())
    shares = torch.softmax(logits / temperature, -1)
    if top_p < 1.0:
        ordered, order = shares.sort(descending=True)
        ordered[ordered.cumsum(0) - ordered > top_p] = 0.0
        return int(order[torch.multinomial(ordered, 1, generator=generator)])
    return int(torch.multinomial(shares, 1, generator=generator))


def physical_cores() -> int:
    """Physical cores this process may use (a hyperthread adds nothing to memory-bound work)."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    cores = set()
    for cpu in allowed:
        topology = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology")
        try:
            package = (topology / "physical_package_id").read_text().strip()
            core = (topology / "core_id").read_text().strip()
            cores.add((package, core))
        except OSError:
            cores.add((str(cpu), ""))
    return max(1, len(cores))


def load_engine(folder: Path, *, device: str = "auto", precision: str = "auto") -> Engine:
    """Load a transformers model folder (safetensors only, no remote code).

    Args:
        folder: holds ``config.json``, ``*.safetensors`` and the tokenizer.
        device: ``auto`` (CUDA where there is one), ``cpu`` or ``cuda``.
        precision: ``auto`` measures which of the kernels is the fastest here; or one of
            :data:`bethink.models.calibrate.KERNELS`.

    Raises:
        DamagedModelError: the folder's files cannot be read as a model.
        ValueError: there is no such precision.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    from bethink.models.calibrate import choose_kernels, make_decoder
    from bethink.models.decoder import supports
    from bethink.models.transformers_decoder import TransformersDecoder

    logging.disable_progress_bar()
    torch.set_num_threads(physical_cores())
    place = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    wanted = torch.float32 if place == "cpu" else torch.bfloat16
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=wanted, local_files_only=True, use_safetensors=True)
    except Exception as problem:  # each file has its own parser and each parser its own errors
        raise DamagedModelError(
            f"The model in {folder} cannot be loaded ({type(problem).__name__}: {problem}). "
            "Check that its files are complete, or choose another model."
        ) from problem
    decoder: Any
    if place == "cpu" and supports(model.config):
        kernel, prefill = choose_kernels(model) if precision == "auto" else (precision, "bf16")
        decoder = make_decoder(model, kernel, prefill)
    else:
        if place == "cpu" and precision == "bf16":
            model = model.to(torch.bfloat16)
        decoder = TransformersDecoder(model.to(place))
    shape = Shape.from_config(model.config)
    return Engine(decoder, tokenizer, _stop_ids(model, tokenizer), name=Path(folder).name, shape=shape)


def _stop_ids(model: Any, tokenizer: Any) -> set[int]:
    found: set[int] = set()
    for holder in (model.generation_config, model.config, tokenizer):
        value = getattr(holder, "eos_token_id", None)
        found.update(value if isinstance(value, list) else [value] if value is not None else [])
    for name in ("<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>"):
        ident = tokenizer.convert_tokens_to_ids(name)
        if isinstance(ident, int) and ident != tokenizer.unk_token_id and ident >= 0:
            found.add(ident)
    return found
