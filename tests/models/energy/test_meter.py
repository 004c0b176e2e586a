from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.models.energy import Meter, Span, charged, current
from bethink.models.energy.processor import Processor

FOUR = Processor("made up", 4.0, "4 W a core", False)


class Steady:
    """A fake counter: so many microjoules more at each reading."""

    backend = "rapl"

    def __init__(self, part: str, step: int) -> None:
        self.part, self.step, self.value = part, step, 0

    def read(self) -> int:
        self.value += self.step
        return self.value


def busy(seconds: float) -> None:
    """Use so many CPU seconds in this thread."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(50))


# a tree of spans: how long each is busy (microseconds), its kind, and its children
TREES = st.recursive(
    st.tuples(st.integers(0, 300), st.sampled_from(["turn", "model", "tool", "memory"]), st.just([])),
    lambda trees: st.tuples(
        st.integers(0, 300), st.sampled_from(["turn", "model", "tool"]), st.lists(trees, max_size=3)
    ),
    max_leaves=8,
)


def walk(tree, meter: Meter, made: list[Span]) -> None:
    microseconds, kind, children = tree
    with Span(kind, kind, meter=meter) as span:
        made.append(span)
        busy(microseconds / 2e6)
        for child in children:
            walk(child, meter, made)
        busy(microseconds / 2e6)


@settings(max_examples=40, deadline=None)
@given(st.lists(TREES, min_size=1, max_size=4), st.integers(0, 1000), st.integers(0, 1000))
def test_spans_and_the_rest_add_up_to_the_process_with_threads(trees, cpu_step, gpu_step):
    meter = Meter([Steady("cpu", cpu_step), Steady("gpu", gpu_step)], FOUR)
    spans: list[list[Span]] = [[] for _ in trees]
    threads = [threading.Thread(target=walk, args=(tree, meter, made)) for tree, made in zip(trees, spans, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = meter.totals()
    every = [span for made in spans for span in made]
    own_s, own_j = sum(span.own_ns for span in every) / 1e9, sum(span.own_uj for span in every) / 1e6
    assert own_s + total.unattributed_cpu_s == pytest.approx(total.cpu_s, rel=1e-9, abs=0)
    assert own_j + total.unattributed_j == pytest.approx(total.energy_j, rel=1e-9, abs=1e-12)
    # a span is what it and those within it used, exactly
    for span in every:
        inside = [other for other in every if span in (other, *other.parents())]
        assert span.own_ns + span.child_ns == sum(other.own_ns for other in inside)
        assert span.own_uj + span.child_uj == sum(other.own_uj for other in inside)
        assert span.own_ns >= 0
    # nothing is charged twice, and what was surely used was charged to somebody
    assert total.unattributed_cpu_s > -1e-3
    asked = sum(sum_of(tree) for tree in trees) / 1e6
    assert own_s >= asked * 0.99


def sum_of(tree) -> int:
    microseconds, _, children = tree
    return microseconds // 2 * 2 + sum(sum_of(child) for child in children)


def test_threads_that_work_at_the_same_time_are_told_apart():
    meter = Meter(processor=FOUR)
    done: dict[str, Span] = {}

    def work(name: str, seconds: float) -> None:
        with Span(name, "tool", meter=meter) as span:
            busy(seconds)
        done[name] = span

    threads = [threading.Thread(target=work, args=("a", 0.1)), threading.Thread(target=work, args=("b", 0.3))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done["a"].cpu_s == pytest.approx(0.1, abs=0.02)
    assert done["b"].cpu_s == pytest.approx(0.3, abs=0.02)
    assert done["b"].energy_j == pytest.approx(4 * done["b"].cpu_s)


def test_native_threads_count_for_the_span_that_does_work():
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        x = torch.from_numpy(np.ones((700, 700), np.float32))
        x @ x
        meter = Meter(processor=FOUR)
        with Span("generation", "model", meter=meter) as span:
            own = time.thread_time()
            for _ in range(10):
                x @ x
            own = time.thread_time() - own
    finally:
        torch.set_num_threads(before)
    assert span.cpu_s > 1.3 * own  # the pool's second thread is not this one
    assert meter.totals().unattributed_cpu_s < 0.2 * span.cpu_s


def test_a_thread_can_work_for_a_span_of_another():
    meter = Meter(processor=FOUR)
    with Span("tool", "tool", meter=meter) as span, ThreadPoolExecutor(1) as pool:
        pool.submit(copy_context().run, charged, busy, 0.1).result()
        assert current() is span
    assert span.cpu_s >= 0.1
    assert current() is None
    assert charged(lambda value: value + 1, 1) == 2


def test_child_processes_count_once_they_have_ended():
    meter = Meter(processor=FOUR)
    code = "import time\nwhile time.process_time() < .3: pass"
    with Span("tool", "tool", meter=meter) as span:
        subprocess.run([sys.executable, "-c", code], check=True)
    assert span.cpu_s >= 0.3


def test_outside_of_spans_nobody_is_charged():
    meter = Meter(processor=FOUR)
    busy(0.05)
    with Span("turn", "turn", meter=meter) as turn:
        pass
    busy(0.05)
    assert meter.totals().unattributed_cpu_s >= 0.1
    assert turn.cpu_s < 0.01


def test_a_failed_span_is_noted_and_closed():
    meter = Meter(processor=FOUR)
    span = Span("tool", "tool", meter=meter)
    with pytest.raises(ZeroDivisionError), span:
        1 / 0  # noqa: B018
    assert not span.ok
    assert current() is None
    assert not meter._threads
    assert not meter._working


def test_spans_end_in_any_order_and_in_any_thread():
    copy_context().run(_ending_in_any_order)


def _ending_in_any_order():
    meter = Meter(processor=FOUR)
    turn = Span("turn", "turn", meter=meter).begin()
    first = Span("a", "model", parent=turn, meter=meter)
    second = Span("b", "tool", parent=turn, meter=meter)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    ended = threading.Thread(target=turn.end)
    ended.start()
    ended.join()
    assert turn.own_ns + turn.child_ns == first.own_ns + second.own_ns + turn.own_ns
    assert first.trace_id == second.trace_id == turn.trace_id
    assert not meter._threads


def test_a_counter_of_the_processor_replaces_the_estimate():
    estimated = Meter(processor=FOUR)
    measured = Meter([Steady("cpu", 10)], FOUR)
    mixed = Meter([Steady("gpu", 10)], FOUR)
    assert (estimated.backend, estimated.error_class) == ("cputime", "estimated")
    assert (measured.backend, measured.error_class, measured.watts_per_core) == ("rapl", "measured", 0.0)
    assert mixed.backend.startswith("cputime+")
    assert mixed.error_class == "estimated"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_has_a_meter_of_its_own():
    code = (
        "import os\nfrom bethink.models.energy import Span, process_meter\nouter = Span('turn', 'turn').begin()\n"
        "sum(range(2_000_000))\n"
        "if os.fork() == 0:\n"
        "    with Span('child', meter=process_meter()) as span: sum(range(200_000))\n"
        "    total = process_meter().totals()\n"
        "    os._exit(0 if 0 < span.cpu_s <= total.cpu_s and total.unattributed_cpu_s > -1e-3 else 1)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
