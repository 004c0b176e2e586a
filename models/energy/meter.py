"""Spans that nest, and a meter that divides the process's CPU time and the machine's counters among them.

Whenever a span begins or ends, what was used since the last such moment is divided: each thread's CPU time goes to the
span it works for; the rest of the process (native thread pools, ended child processes) goes in equal parts to the
innermost open spans that do work, or, where none is open, to nobody. All of it is counted in whole nanoseconds and
microjoules, so the spans' own shares and what is unattributed add up to the process's total without any error.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import ParamSpec, TypeVar

from bethink.models.energy.carbon import Carbon
from bethink.models.energy.counters import Counter, open_counters
from bethink.models.energy.processor import Processor, this_processor

P = ParamSpec("P")
T = TypeVar("T")
WORK = ("model", "tool", "memory", "task")
"""Kinds of spans that do work themselves; the others (``turn``) only hold them."""
_CURRENT: ContextVar[Span | None] = ContextVar("bethink_span", default=None)


def process_ns() -> int:
    """CPU nanoseconds of this process, all its threads, and its ended children."""
    try:
        import resource

        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        children = ended.ru_utime + ended.ru_stime
    except ImportError:  # Windows
        times = os.times()
        children = times.children_user + times.children_system
    return time.process_time_ns() + round(children * 1e9)


class _Thread:
    """A thread in which spans are open, and how much of its CPU time has been divided already."""

    def __init__(self) -> None:
        self.ident = threading.get_ident()
        # of this thread while it is alive, so the number is safe to keep: of a dead one, reading it is an OSError
        getter = getattr(time, "pthread_getcpuclockid", None)
        self.clock: int | None = getter(self.ident) if getter is not None else None
        self.spans: list[Span] = []
        self.seen = time.thread_time_ns()

    def used(self) -> int:
        """CPU nanoseconds since the last call; 0 where this thread's clock can only be read in itself."""
        moment = self.seen
        if self.clock is not None:
            with suppress(OSError):
                moment = time.clock_gettime_ns(self.clock)
        elif threading.get_ident() == self.ident:
            moment = time.thread_time_ns()
        spent, self.seen = max(0, moment - self.seen), max(moment, self.seen)
        return spent


@dataclass(frozen=True)
class Totals:
    """Since the meter began: CPU seconds and joules of the process, and the share that no span is charged for."""

    cpu_s: float
    energy_j: float
    unattributed_cpu_s: float
    unattributed_j: float


class Meter:
    """Divides what a process uses among its open spans.

    Args:
        counters: energy counters of the machine; those of the processor replace the estimate from CPU time.
        processor: what a CPU second is taken to cost where there is no such counter.
        clock: CPU nanoseconds of the process.

    Attributes:
        carbon: how joules become grams.
        remote_j_per_token: joules of a token that a model elsewhere reads and writes; None: not known.
    """

    def __init__(
        self,
        counters: Sequence[Counter] = (),
        processor: Processor | None = None,
        *,
        clock: Callable[[], int] = process_ns,
    ) -> None:
        self.counters, self.processor, self.clock = tuple(counters), processor or this_processor(), clock
        self.carbon = Carbon()
        self.remote_j_per_token: tuple[float, float] | None = None
        self._lock = threading.Lock()
        self._threads: dict[int, _Thread] = {}
        self._working: dict[Span, None] = {}
        self._read = [counter.read() for counter in self.counters]
        self._cpu = self._begun = self.clock()
        self._total_uj = self._left_uj = self._left_ns = 0

    @property
    def watts_per_core(self) -> float:
        """Joules a CPU second is taken to cost; 0 where a counter measures the processor."""
        return 0.0 if any(counter.part == "cpu" for counter in self.counters) else self.processor.watts_per_core

    @property
    def backend(self) -> str:
        """Where joules come from: ``rapl``, ``nvml``, ``cputime``, joined by ``+``."""
        names = [counter.backend for counter in self.counters]
        return "+".join(dict.fromkeys(names if self.watts_per_core == 0 else ["cputime", *names]))

    @property
    def error_class(self) -> str:
        """``measured`` where every part is read from a counter, else ``estimated``."""
        return "estimated" if "cputime" in self.backend else "measured"

    def totals(self) -> Totals:
        """What the process has used up to now."""
        with self._lock:
            self._divide()
            cpu = (self._cpu - self._begun) / 1e9
            left, watts = self._left_ns / 1e9, self.watts_per_core
        return Totals(cpu, watts * cpu + self._total_uj / 1e6, left, watts * left + self._left_uj / 1e6)

    def begin(self, span: Span, *, here: bool) -> None:
        """Open a span; ``here``: this thread works for it from now on."""
        with self._lock:
            self._divide()
            if here:
                self._enter(span)
            if span.kind in WORK:
                self._working[span] = None
                for outer in span.parents():
                    outer.inner += 1
            span.started = time.perf_counter_ns()

    def end(self, span: Span, *, here: bool) -> None:
        """Close a span and add what it used to those it is part of."""
        with self._lock:
            span.wall_s = (time.perf_counter_ns() - span.started) / 1e9
            self._divide()
            if here:
                self._leave(span)
            if span.kind in WORK:
                self._working.pop(span, None)
                for outer in span.parents():
                    outer.inner -= 1
            if span.parent is not None:
                span.parent.child_ns += span.own_ns + span.child_ns
                span.parent.child_uj += span.own_uj + span.child_uj

    @contextmanager
    def working(self, span: Span) -> Iterator[None]:
        """This thread works for an open span of another one."""
        with self._lock:
            self._divide()
            self._enter(span)
        try:
            yield
        finally:
            with self._lock:
                self._divide()
                self._leave(span)

    def _enter(self, span: Span) -> None:
        ident = threading.get_ident()
        thread = self._threads.get(ident)
        if thread is None:
            thread = self._threads[ident] = _Thread()
        thread.spans.append(span)

    def _leave(self, span: Span) -> None:
        # not always the last one: on an event loop the spans of two tasks take turns in one thread
        ident = threading.get_ident()
        thread = self._threads.get(ident)
        if thread is None or span not in thread.spans:
            return
        thread.spans.remove(span)
        if not thread.spans:
            del self._threads[ident]

    def _divide(self) -> None:
        """Charge what was used since the last call. The threads are read before the process, which is never behind."""
        shares = [(thread.spans[-1], thread.used()) for thread in self._threads.values()]
        cpu = self.clock()
        spent, self._cpu = cpu - self._cpu, cpu
        rest = spent - sum(used for _, used in shares)
        takers = [span for span in self._working if not span.inner]
        if takers and rest > 0:
            part = rest // len(takers)
            shares += [(span, part) for span in takers]
            rest -= part * len(takers)
        for span, used in shares:
            span.own_ns += used
        self._left_ns += rest
        for place, counter in enumerate(self.counters):
            value = counter.read()
            used_uj, self._read[place] = value - self._read[place], value
            self._total_uj += used_uj
            given = 0
            if counter.part == "gpu":
                parts = [(span, used_uj // len(takers)) for span in takers]
            else:
                parts = [(span, used_uj * used // spent) for span, used in shares] if spent > 0 else []
            for span, uj in parts:
                span.own_uj += uj
                given += uj
            self._left_uj += used_uj - given


@lru_cache(maxsize=1)
def process_meter() -> Meter:
    """The meter of this process, with the best counters there are."""
    return Meter(open_counters())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=process_meter.cache_clear)  # a child's clocks begin anew


class Span:
    """A running or ended measurement, used as a context manager; its figures are read afterwards.

    Args:
        name: what runs.
        kind: ``model``, ``tool``, ``memory`` or ``task`` (they do work), or ``turn`` (it holds them).
        parent: the span this is part of; None takes the one open in this context.
        trace_id: 32 hexadecimal digits that all spans of a turn share; None takes the parent's, or a new one.
        meter: None takes the process's.

    Attributes:
        wall_s: seconds.
        tokens_in, tokens_in_cached, tokens_out: tokens of a language model that were read, of these kept, and written.
        flops: floating-point operations, None where the model's shape is not known.
        ok: whether it ended without an exception.
    """

    __slots__ = (
        "_before", "child_ns", "child_uj", "flops", "inner", "kind", "meter", "name", "ok", "own_ns", "own_uj",
        "parent", "span_id", "started", "tokens_in", "tokens_in_cached", "tokens_out", "trace_id", "wall_s",
    )  # fmt: skip

    def __init__(
        self,
        name: str = "",
        kind: str = "task",
        *,
        parent: Span | None = None,
        trace_id: str | None = None,
        meter: Meter | None = None,
    ) -> None:
        self.name, self.kind = name, kind
        self.meter = meter or process_meter()
        self.parent = parent or _CURRENT.get()
        self.trace_id: str = trace_id or (self.parent.trace_id if self.parent is not None else os.urandom(16).hex())
        self.span_id = os.urandom(8).hex()
        self.own_ns = self.own_uj = self.child_ns = self.child_uj = self.inner = self.started = 0
        self.tokens_in = self.tokens_in_cached = self.tokens_out = 0
        self.flops: float | None = None
        self.wall_s, self.ok = 0.0, True
        self._before: Span | None = None

    def parents(self) -> Iterator[Span]:
        """The spans this is part of, the nearest first."""
        outer = self.parent
        while outer is not None:
            yield outer
            outer = outer.parent

    @property
    def cpu_s(self) -> float:
        """CPU seconds charged to the span and to those within it that have ended."""
        return (self.own_ns + self.child_ns) / 1e9

    @property
    def energy_j(self) -> float:
        """Joules of the span and of those within it that have ended; see :attr:`Meter.error_class`."""
        return self.cpu_s * self.meter.watts_per_core + (self.own_uj + self.child_uj) / 1e6

    def begin(self) -> Span:
        """Open the span without binding it to this thread: for turns, whose parts run in several."""
        self.meter.begin(self, here=False)
        return self

    def end(self, *, ok: bool = True) -> None:
        """Close what :meth:`begin` opened."""
        self.ok = ok
        self.meter.end(self, here=False)

    def __enter__(self) -> Span:
        self._before = _CURRENT.get()
        _CURRENT.set(self)
        self.meter.begin(self, here=True)
        return self

    def __exit__(self, problem: type[BaseException] | None, *_: object) -> None:
        if any(counter.part == "gpu" for counter in self.meter.counters):
            _finish_gpu()
        self.ok = problem is None
        self.meter.end(self, here=True)
        _CURRENT.set(self._before)


def current() -> Span | None:
    """The span that is open in this context."""
    return _CURRENT.get()


def charged(run: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Call a function, its thread's CPU time charged to the span that is open in this context."""
    span = _CURRENT.get()
    if span is None:
        return run(*arguments, **named)
    with span.meter.working(span):
        return run(*arguments, **named)


def _finish_gpu() -> None:
    """Wait for the GPU: what was started in a span is to be counted in it."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()
