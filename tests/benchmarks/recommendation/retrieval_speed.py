"""Seconds for the first ten of 10^4, 10^5 and 10^6 items, one query at a time on one thread, beside faiss and hnswlib.

Vectors are constructed: unit vectors around centres, so that an approximate index has something to find. Queries are
drawn the same way. Ours, faiss' exact index and the approximate ones take turns query by query, so that a busy moment
hits all of them. What is not installed is not measured.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bethink.tools.recommendation.index import search
from bethink.tools.recommendation.samples import Floats
from tests.benchmarks.report import Bar, bar, show

K, QUERIES, WARM_UP = 10, 60, 5
CASES = ((10_000, 64), (100_000, 64), (1_000_000, 64), (10_000, 384), (100_000, 384), (1_000_000, 384))
APPROXIMATE = (1_000_000, 64)
"""The case that approximate indices are built for."""
CENTRES, SPREAD = 2000, 1.0
Find = Callable[[Floats], NDArray[Any]]


def constructed(count: int, width: int, rng: np.random.Generator, centres: Floats) -> Floats:
    """Unit vectors around centres [count, width]."""
    vectors = rng.standard_normal((count, width), dtype=np.float32)
    vectors *= SPREAD / np.sqrt(width)
    for first in range(0, count, 100_000):
        part = vectors[first : first + 100_000]
        part += centres[rng.integers(0, len(centres), len(part))]
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return vectors


def finders(vectors: Floats, approximate: bool) -> tuple[dict[str, Find], dict[str, float]]:
    """Ways to find, and how many seconds each took to build."""
    found: dict[str, Find] = {"ours, exact": lambda query: search(vectors, query, K)[0]}
    built: dict[str, float] = {}
    if find_spec("faiss"):
        faiss = import_module("faiss")
        faiss.omp_set_num_threads(1)
        flat = faiss.IndexFlatIP(vectors.shape[1])
        flat.add(vectors)
        found["faiss, exact"] = lambda query: flat.search(query, K)[1]
        if approximate:
            start = time.perf_counter()
            quantizer = faiss.IndexFlatIP(vectors.shape[1])
            ivf = faiss.IndexIVFFlat(quantizer, vectors.shape[1], 1024, faiss.METRIC_INNER_PRODUCT)
            ivf.train(vectors[:: max(1, len(vectors) // 60_000)])
            ivf.add(vectors)
            built["faiss, IVF 1024"] = time.perf_counter() - start
            for probes in (8, 32):
                found[f"faiss, IVF 1024, {probes} probes"] = _probing(ivf, probes)
    if approximate and find_spec("hnswlib"):
        hnswlib = import_module("hnswlib")
        graph = hnswlib.Index(space="ip", dim=vectors.shape[1])
        start = time.perf_counter()
        graph.init_index(max_elements=len(vectors), ef_construction=80, M=16, random_seed=0)
        graph.add_items(vectors, num_threads=2)
        built["hnswlib, M 16"] = time.perf_counter() - start
        graph.set_num_threads(1)
        for width in (32, 128):
            found[f"hnswlib, M 16, ef {width}"] = _walking(graph, width)
    return found, built


def _probing(index: Any, probes: int) -> Find:
    def find(query: Floats) -> NDArray[Any]:
        index.nprobe = probes
        return np.asarray(index.search(query, K)[1])

    return find


def _walking(index: Any, width: int) -> Find:
    def find(query: Floats) -> NDArray[Any]:
        index.set_ef(width)
        return np.asarray(index.knn_query(query, k=K)[0])

    return find


def case(count: int, width: int, approximate: bool = False) -> dict[str, Any]:
    """Median milliseconds, and the share of the truly first ten that is found, of each way."""
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(0)
    centres = rng.standard_normal((CENTRES, width), dtype=np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    vectors = constructed(count, width, rng, centres)
    queries = constructed(QUERIES + WARM_UP, width, rng, centres)
    found, built = finders(vectors, approximate)
    seconds: dict[str, list[float]] = {name: [] for name in found}
    right = dict.fromkeys(found, 0)
    with threadpool_limits(1):
        for number in range(len(queries)):
            truth: set[int] = set()
            for name, find in found.items():
                start = time.perf_counter()
                items = find(queries[number : number + 1])
                seconds[name].append(time.perf_counter() - start)
                truth = truth or set(items[0].tolist())
                right[name] += len(truth & set(items[0].tolist()))
    ways = {
        name: {
            "ms_p50": 1e3 * float(np.median(seconds[name][WARM_UP:])),
            "recall": right[name] / (K * len(queries)),
            **({"build_seconds": built[start]} if (start := name.rsplit(",", 1)[0]) in built else {}),
        }
        for name in found
    }
    return {"items": count, "width": width, "ways": ways}


def run(cases: tuple[tuple[int, int], ...] = CASES) -> tuple[list[Bar], dict[str, Any]]:
    """Exact search of each size beside faiss' exact one, and what approximate search would gain and lose."""
    found, bars = [], []
    for count, width in cases:
        print(f"  {count:,} items of {width} numbers", file=sys.stderr)
        one = case(count, width, (count, width) == APPROXIMATE)
        found.append(one)
        ways = one["ways"]
        rows = [
            (name, way["ms_p50"], way["recall"], round(way["build_seconds"], 1) if "build_seconds" in way else "-")
            for name, way in ways.items()
        ]
        show(f"First {K} of {count:,} items of {width} numbers", ("", "ms, p50", "recall", "build, s"), rows)
        both = "faiss, exact" in ways
        ratio = ways["ours, exact"]["ms_p50"] / ways["faiss, exact"]["ms_p50"] if both else None
        bars.append(bar(f"first {K} of {count:,} items of {width} numbers, time by faiss' exact", ratio, "<=", 2.0))
        bars.append(
            bar(f"first {K} of {count:,} items of {width} numbers, share equal to faiss' exact",
                ways["faiss, exact"]["recall"] if both else None, ">=", 0.999)
        )  # fmt: skip
    return bars, {"threads": 1, "queries": QUERIES, "cases": found}
