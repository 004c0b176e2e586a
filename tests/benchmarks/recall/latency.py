"""Milliseconds a query at 140, 5,882, 50,000 and 1,000,000 thoughts, one thread, the query's embedding not counted.

LoCoMo's turns with their vectors, again and again with noise above 5,882. Everything of one size runs in turns in one
process, so ratios hold on a busy machine, too. Other graphs search as widely as they must to find what ours finds. What
would take hours to fill is left out at the great sizes: mem0 and LangGraph above 5,882, Chroma above 50,000. ``BETHINK_RECALL_SIZES=140,5882`` measures some sizes,
``BETHINK_RECALL_PEERS=hnswlib`` some of faiss, hnswlib and usearch (all of them at a million need 16 GB).
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from bethink.agents.evaluation.conversations import Conversation, EvaluationError, Said
from bethink.agents.evaluation.locomo import load_locomo
from bethink.agents.evaluation.memories import open_memory
from bethink.memory.lsh import AngularLSH
from bethink.memory.shelf import Shelf
from bethink.memory.thought import Thought
from tests.benchmarks.recall.data import Remembering, folder
from tests.benchmarks.report import RESULTS, Bar, bar, show

SIZES = (140, 5_882, 50_000, 1_000_000)
MEM0_SIZE, GREAT = 5_882, 1_000_000
NOISE, QUERIES, K, ROUNDS = 0.05, 200, 10, 3
LEAST_RECALL = 0.95
EXPANSIONS = (32, 48, 64, 96, 128, 192, 256, 384, 512)
Query = Callable[[int], Sequence[int]]
"""The number of a query in, the rows found out."""


def thought(number: int, turn: Said, conversation: str) -> Thought:
    """A turn as the memory keeps it; its id is its row."""
    copy = number // 5_882
    return Thought(
        id=str(number),
        text=f"{turn.speaker}: {turn.text}",
        subject=None,
        relation=None,
        object=None,
        user_id="u",
        agent_id=None,
        session_id=f"{conversation} {turn.session} {copy}",
        created_at=turn.at,
        valid_at=turn.at,
        invalid_at=None,
        superseded_by=None,
        merged_from=(),
        source_turns=(f"{conversation} {turn.id} {copy}",),
        bucket=0,
        metadata={"kind": "turn", "speaker": turn.speaker},
    )


def spread(vectors: np.ndarray, size: int) -> np.ndarray:
    """So many vectors: the first, or all of them again and again with noise, at length 1."""
    if size <= len(vectors):
        return vectors[:size]
    rng = np.random.default_rng(0)
    many = vectors[np.arange(size) % len(vectors)]
    for start in range(0, size, 100_000):
        part = many[start : start + 100_000]
        part += NOISE * rng.standard_normal(part.shape, dtype=np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return many


def ours(
    turns: Sequence[tuple[str, Said]], vectors: np.ndarray, texts: Sequence[str], queries: np.ndarray
) -> tuple[dict[str, Query], dict[str, float]]:
    """Our recall over one shelf, by mode; and what filling cost."""
    shelf = Shelf(AngularLSH(vectors.shape[1]))
    before, begun = _resident(), time.perf_counter()
    for start in range(0, len(vectors), 50_000):
        chosen = range(start, min(start + 50_000, len(vectors)))
        shelf.fill(
            [thought(i, turns[i % len(turns)][1], turns[i % len(turns)][0]) for i in chosen],
            vectors[chosen.start : chosen.stop],
        )
    filled = time.perf_counter() - begun
    shelf.search(texts[0], queries[0], K, mode="hnsw")  # builds the graph
    built = time.perf_counter() - begun - filled

    def by(mode: str) -> Query:
        return lambda i: [int(hit.thought.id) for hit in shelf.search(texts[i], queries[i], K, mode=mode)]

    costs = {
        "fill_s": filled,
        "graph_s": built,
        "kb_a_thought": (_resident() - before) / len(vectors) / 1024,
    }
    return {f"Bethink, {mode}": by(mode) for mode in ("auto", "exact", "hnsw")}, costs


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1]) if Path("/proc/self/statm").exists() else 0
    return pages * resource.getpagesize()


def libraries(vectors: np.ndarray, queries: np.ndarray, best: np.ndarray, least: float) -> dict[str, Query]:
    """faiss, hnswlib and usearch where they are installed; graphs at the least expansion with so much recall."""
    found: dict[str, Query] = {}
    n, dim = vectors.shape

    def tuned(name: str, search: Query, widen: Callable[[int], None]) -> None:
        for expansion in EXPANSIONS:
            widen(expansion)
            if hits(search, best) >= least:
                break
        found[f"{name}, ef {expansion}"] = search

    def with_faiss() -> None:
        import faiss

        faiss.omp_set_num_threads(2)
        flat = faiss.IndexFlatIP(dim)
        flat.add(vectors)
        found["faiss Flat"] = lambda i: flat.search(queries[i : i + 1], K)[1][0]
        graph = faiss.IndexHNSWFlat(dim, 16, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = 100
        graph.add(vectors)
        faiss.omp_set_num_threads(1)
        tuned(
            "faiss HNSW",
            lambda i: graph.search(queries[i : i + 1], K)[1][0],
            lambda e: setattr(graph.hnsw, "efSearch", e),
        )

    def with_hnswlib() -> None:
        import hnswlib

        index = hnswlib.Index("ip", dim)
        index.init_index(n, M=16, ef_construction=100)
        index.add_items(vectors, num_threads=2)
        index.set_num_threads(1)
        tuned("hnswlib", lambda i: index.knn_query(queries[i], K)[0][0], index.set_ef)

    def with_usearch() -> None:
        from usearch.index import Index

        plain = Index(ndim=dim, metric="ip", dtype="f32", connectivity=16, expansion_add=100)
        plain.add(np.arange(n), vectors)
        tuned(
            "usearch",
            lambda i: plain.search(queries[i], K, threads=1).keys,
            lambda e: setattr(plain, "expansion_search", e),
        )

    peers = {"faiss": with_faiss, "hnswlib": with_hnswlib, "usearch": with_usearch}
    for name in os.environ.get("BETHINK_RECALL_PEERS", ",".join(peers)).split(","):
        try:
            peers[name]()
        except ModuleNotFoundError:
            print(f"  {name} is not installed: left out", file=sys.stderr)
    return found


def chroma(vectors: np.ndarray, queries: np.ndarray, place: str) -> Query:
    """Chroma's own query."""
    import chromadb
    from chromadb.config import Settings

    client = chromadb.PersistentClient(path=place, settings=Settings(anonymized_telemetry=False))
    collection = client.create_collection("bench", embedding_function=None, configuration={"hnsw": {"space": "cosine"}})
    for start in range(0, len(vectors), 5_000):
        part = vectors[start : start + 5_000]
        collection.add(ids=[str(start + i) for i in range(len(part))], embeddings=part)
    return lambda i: [
        int(each) for each in collection.query(query_embeddings=[queries[i]], n_results=K, include=[])["ids"][0]
    ]


def memories(
    stack: ExitStack, turns: Sequence[tuple[str, Said]], asked: Sequence[str], embedder: Any
) -> Iterator[tuple[str, Query]]:
    """mem0 and LangGraph over the same turns, each with their own search; they live as long as the stack."""
    said = tuple(Said(str(i), turn.session, turn.at, turn.speaker, turn.text) for i, (_, turn) in enumerate(turns))
    everything = Conversation("all", said, ())
    for title, name in (("LangGraph InMemoryStore", "langgraph"), ("mem0, infer=False", "mem0")):
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix="bethink-bench-"))
        try:
            memory = stack.enter_context(open_memory(name, Path(place), embedder))
        except EvaluationError as why:
            print(f"  {title}: not measured, {why}", file=sys.stderr)
            continue
        memory.add(everything, "turns")
        yield title, lambda i, memory=memory: [int(e.sources[0]) for e in memory.recall("all", asked[i], K)]


def hits(query: Query, best: np.ndarray) -> float:
    """Recall@10 beside exact search."""
    return float(np.mean([len({int(row) for row in query(i)} & set(row_)) / K for i, row_ in enumerate(best)]))


def timed(queries: dict[str, Query], count: int) -> dict[str, dict[str, float]]:
    """p50 and p95 in ms of each over all queries, the runs taking turns."""
    spent: dict[str, list[float]] = {name: [] for name in queries}
    for _ in range(ROUNDS):
        for name, query in queries.items():
            for i in range(count):
                begun = time.perf_counter()
                query(i)
                spent[name].append(1e3 * (time.perf_counter() - begun))
    return {
        name: {"p50": float(np.percentile(ms, 50)), "p95": float(np.percentile(ms, 95))} for name, ms in spent.items()
    }


def one_size(
    size: int, turns: Sequence[tuple[str, Said]], texts: Sequence[str], asked: Sequence[str], embedder: Any
) -> dict[str, Any]:
    """Everything at one size."""
    vectors = spread(embedder.embed(texts), size)
    queries = embedder.embed(asked)
    best = np.stack([np.argsort(-(vectors @ query))[:K] for query in queries])
    found, costs = ours(turns, vectors, asked, queries)
    least = max(LEAST_RECALL, hits(found["Bethink, hnsw"], best))
    found.update(libraries(vectors, queries, best, least))
    with ExitStack() as stack:
        if size <= 50_000:
            place = stack.enter_context(tempfile.TemporaryDirectory(prefix="bethink-bench-"))
            found["Chroma query"] = chroma(vectors, queries, place)
        if size <= MEM0_SIZE:
            found.update(memories(stack, turns[:size], asked, embedder))
        for query in found.values():
            query(0)
        times = timed(found, len(asked))
        by_cosine = [name for name in found if "auto" not in name and "mem0" not in name]
        recall = {name: round(hits(found[name], best), 3) for name in by_cosine}
    rows = [(name, t["p50"], t["p95"], recall.get(name, "-")) for name, t in times.items()]
    show(f"{size:,} thoughts", ("", "p50 ms", "p95 ms", "recall@10 beside exact"), rows)
    return {"ms": times, "recall@10": recall, "costs": {name: round(value, 2) for name, value in costs.items()}}


def run() -> tuple[list[Bar], dict[str, Any]]:
    """See the module."""
    names = (
        "auto of mem0, 5,882 thoughts",
        "hnsw of hnswlib, 1,000,000 thoughts",
        "recall@10 of hnsw, 1,000,000 thoughts",
    )
    place = folder()
    if place is None:
        return [bar(names[0], None, ">=", 4), bar(names[1], None, "<=", 2), bar(names[2], None, ">=", LEAST_RECALL)], {}
    conversations, embedder = load_locomo(place), Remembering()
    turns = [(c.id, turn) for c in conversations for turn in c.turns]
    texts = [f"{turn.speaker}: {turn.text}" for _, turn in turns]
    asked = [question.text for c in conversations for question in c.questions][:QUERIES]
    wanted = [int(size) for size in os.environ.get("BETHINK_RECALL_SIZES", "").split(",") if size] or SIZES
    sizes: dict[str, Any] = {}
    for size in wanted:
        print(f"  {size:,} thoughts", file=sys.stderr, flush=True)
        sizes[str(size)] = one_size(size, turns, texts, asked, embedder)
    plot(sizes)

    def ratio(size: int, ours_: str, other: str) -> float | None:
        times = sizes.get(str(size), {}).get("ms", {})
        named = next((name for name in times if name.startswith(other)), None)
        return times[named]["p50"] / times[f"Bethink, {ours_}"]["p50"] if named else None

    faster, slower = ratio(MEM0_SIZE, "auto", "mem0"), ratio(GREAT, "hnsw", "hnswlib")
    recall = sizes.get(str(GREAT), {}).get("recall@10", {}).get("Bethink, hnsw")
    return [
        bar(names[0], faster, ">=", 4),
        bar(names[1], None if slower is None else 1 / slower, "<=", 2),
        bar(names[2], recall, ">=", LEAST_RECALL),
    ], {"sizes": sizes}


def plot(sizes: dict[str, Any]) -> None:
    """``recall_latency.png``: milliseconds over the number of thoughts."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    lines: dict[str, list[tuple[int, float]]] = {}
    for size, found in sizes.items():
        for name, ms in found["ms"].items():
            lines.setdefault(name.split(", ef")[0], []).append((int(size), ms["p50"]))
    for name, points in lines.items():
        own = name.startswith("Bethink")
        axes.plot(
            *zip(*points, strict=True),
            marker="o",
            markersize=4,
            linewidth=2.2 if own else 1,
            label=name,
            alpha=1 if own else 0.7,
        )
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="thoughts",
        ylabel="ms a query, p50",
        title="Recall: cost by the number of thoughts",
    )
    axes.grid(alpha=0.25)
    axes.legend(fontsize=7, ncols=2)
    figure.tight_layout()
    figure.savefig(RESULTS / "recall_latency.png", dpi=130)
    pyplot.close(figure)
