"""Is the meter exact, cheap and true? CodeCarbon's tracker runs the same loops beside it, without its constant for RAM."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median
from typing import Any

from bethink.models.energy import Meter, Span, process_meter
from tests.benchmarks.report import Bar, bar, show

THREADS, SPANS = 4, 200
ROUNDS, EACH = 400, 10
LOOPS = (1.0, 2.0, 4.0)


def busy(seconds: float) -> None:
    """Use so many CPU seconds in this thread."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(100))


def identity() -> dict[str, float]:
    """Random nested spans in several threads: how far spans and the rest are from the process, relative to it."""
    meter, every, lock = Meter(), list[Span](), threading.Lock()

    def nest(rng: random.Random, depth: int) -> None:
        with Span("span", rng.choice(("turn", "model", "tool", "memory")), meter=meter) as span:
            busy(rng.uniform(0, 2e-3))
            if depth < 3 and rng.random() < 0.5:
                nest(rng, depth + 1)
        with lock:
            every.append(span)

    def work(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(SPANS):
            nest(rng, 0)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = meter.totals()
    own = sum(span.own_ns for span in every) / 1e9
    return {
        "spans": len(every),
        "process_cpu_s": total.cpu_s,
        "spans_cpu_s": own,
        "unattributed_cpu_s": total.unattributed_cpu_s,
        "relative_error": abs(own + total.unattributed_cpu_s - total.cpu_s) / total.cpu_s,
    }


def cost(others: int) -> list[float]:
    """Microseconds of a span's start and stop, while ``others`` threads have spans open; a mean a round (short, so that most are not interrupted)."""
    done = threading.Event()

    def wait() -> None:
        with Span("other", "tool"):
            done.wait()

    threads = [threading.Thread(target=wait) for _ in range(others)]
    for thread in threads:
        thread.start()
    found = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(EACH):
            with Span("span", "tool"):
                pass
        found.append(1e6 * (time.perf_counter() - start) / EACH)
    done.set()
    for thread in threads:
        thread.join()
    return found


def loops(measure: Callable[[Callable[[], None]], float]) -> dict[str, float]:
    """Joules of each loop."""
    return {f"{seconds:g}": measure(lambda seconds=seconds: busy(seconds)) for seconds in LOOPS}  # type: ignore[misc]


def by_span(run: Callable[[], None]) -> float:
    """Joules by ours."""
    with Span("loop", "tool") as span:
        run()
    return span.energy_j


def by_codecarbon() -> tuple[Callable[[Callable[[], None]], float], dict[str, Any]] | None:
    """Joules by CodeCarbon's tracker (CPU only), and what it takes to start and stop; None where it is missing."""
    if find_spec("codecarbon") is None:
        return None
    from codecarbon import OfflineEmissionsTracker

    start = time.perf_counter()
    tracker = OfflineEmissionsTracker(
        country_iso_code="FRA", save_to_file=False, log_level="critical", tracking_mode="process", measure_power_secs=1
    )
    tracker.start_task("first")
    first = time.perf_counter() - start
    tracker.stop_task("first")
    found: dict[str, Any] = {"first_start_s": first}
    times = []
    for number in range(20):
        start = time.perf_counter()
        tracker.start_task(f"empty {number}")
        tracker.stop_task(f"empty {number}")
        times.append(1000 * (time.perf_counter() - start))
    found["start_and_stop_ms"] = median(times)
    names = iter(range(1000))

    def measure(run: Callable[[], None]) -> float:
        name = f"loop {next(names)}"
        tracker.start_task(name)
        run()
        data = tracker.stop_task(name)
        return float(data.cpu_energy) * 3.6e6

    return measure, found


def worst(joules: dict[str, float]) -> float:
    """How far joules a second of a loop are from those of all loops together, at most; a share."""
    rate = sum(joules.values()) / sum(float(seconds) for seconds in joules)
    if rate <= 0:
        return 1.0
    return max(abs(value / float(seconds) / rate - 1) for seconds, value in joules.items())


def run() -> tuple[list[Bar], dict[str, Any]]:
    """Measure all of it."""
    adds_up = identity()
    alone, among = cost(0), cost(3)
    ours = loops(by_span)
    figures: dict[str, Any] = {
        "identity": adds_up,
        "span_us": {
            "alone": median(alone),
            "among_3_open": median(among),
            "best_round": min(alone),
            "worst_round": max(alone + among),
        },
        "backend": process_meter().backend,
        "watts_per_core": process_meter().processor.source,
        "loops_j": {"bethink": ours},
        "off_linear": {"bethink": worst(ours)},
    }
    rows = [(f"bethink, {figures['backend']}", *(round(value, 3) for value in ours.values()), worst(ours))]
    if (peer := by_codecarbon()) is not None:
        measure, figures["codecarbon"] = peer
        theirs = loops(measure)
        figures["loops_j"]["codecarbon"], figures["off_linear"]["codecarbon"] = theirs, worst(theirs)
        rows.append(("codecarbon, CPU only", *(round(value, 3) for value in theirs.values()), worst(theirs)))
    show("Busy loops, J (estimated)", ("meter", *(f"{seconds:g} CPU s" for seconds in LOOPS), "off linear"), rows)
    return [
        bar("identity: spans + unattributed beside the process, relative", adds_up["relative_error"], "<=", 1e-9),
        bar("a span's start and stop, us (median)", median(alone), "<=", 50),
        bar("the same while 3 others are open, us (median)", median(among), "<=", 50),
        bar("busy loops of 1, 2, 4 s: off linear, share", worst(ours), "<=", 0.05),
    ], figures
