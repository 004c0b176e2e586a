"""The bench's own logic, on few rows; its measuring is `make bench NAME=recommendation`."""

from __future__ import annotations

from bethink.tools.recommendation.antm2c_synthetic import MALFORMED
from tests.benchmarks.recommendation import antm2c


def test_the_bench_runs_small() -> None:
    bars, figures = antm2c.run(written=2_000, copies=4, rounds=1, task_rows=6_000, most_seconds=0.5)
    assert [bar.ok for bar in bars[1:]] == [True] * 5  # the first one is a speed
    assert figures["data"] == "synthetic"
    reading = figures["reading"]
    assert reading["37 columns, CSV"]["given"] == 4 * 2_000
    assert reading["a quarter"]["given"] == reading["37 columns, Parquet"]["given"] == 2_000
    assert reading["37 columns, CSV"]["refused"] == figures["planted"] == dict.fromkeys(MALFORMED.values(), 120)
    assert figures["images"]["folder and archive agree"]
    assert figures["images"]["without an image"] > 0
    assert {score["model"] for score in figures["scores"]} == {"domain popularity", "logistic", "ours"}
