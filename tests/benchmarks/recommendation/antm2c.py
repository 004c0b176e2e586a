"""Bar 3: AntM2C's files are read fast, in bounded memory, with no row left out uncounted; and every task runs.

The files are synthetic, in the published format of 37 columns; the paper's are not to be had. The tasks' AUCs say that
the tasks run and that text, which tells what cold items are in these files, is used; they say nothing about AntM2C.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bethink.tools.recommendation.antm2c import read_antm2c
from bethink.tools.recommendation.antm2c_images import image_vectors
from bethink.tools.recommendation.antm2c_samples import to_samples
from bethink.tools.recommendation.antm2c_schema import ANTM2C, Column, Report
from bethink.tools.recommendation.antm2c_synthetic import MALFORMED, Synthetic, write_synthetic
from bethink.tools.recommendation.antm2c_tasks import (
    ALL,
    Model,
    Score,
    Task,
    cold_start,
    multi_modal,
    multi_scenario,
    solve,
    table,
)
from bethink.tools.recommendation.baselines.simple import DomainPopularity
from bethink.tools.recommendation.foundation import Foundation
from bethink.tools.recommendation.metrics import auc
from bethink.tools.recommendation.text_features import TextFeatures
from tests.benchmarks.recommendation.antm2c_reading import CORES
from tests.benchmarks.recommendation.logistic import Bigrams, Logistic
from tests.benchmarks.report import ROOT, Bar, bar, show

WRITTEN = 150_000
"""Distinct rows; a file repeats them, so that several million are made within seconds."""
COPIES = 20
PLANTED = 30
"""Malformed rows of each kind among the distinct ones."""
ROUNDS = 3
TASK_ROWS = 40_000
MOST_SECONDS = 60.0
"""Of one training."""


def run(
    written: int = WRITTEN,
    copies: int = COPIES,
    rounds: int = ROUNDS,
    task_rows: int = TASK_ROWS,
    most_seconds: float = MOST_SECONDS,
) -> tuple[list[Bar], dict[str, Any]]:
    """Measure reading in processes of their own on two cores, then solve every task."""
    folder = Path(tempfile.mkdtemp(prefix="synthetic_antm2c_"))
    try:
        reading, planted = _reading(folder, written, copies, rounds)
        scores, ceiling, images = _tasks(folder / "tasks", task_rows, most_seconds)
    finally:
        shutil.rmtree(folder)
    main = reading["37 columns, CSV"]
    rows = [
        (
            name,
            f"{found['rows']:,}",
            f"{found['rows_per_s']:,.0f}",
            found["megabytes_per_s"],
            found["cpu_us_a_row"],
            found["peak_mb"],
        )
        for name, found in reading.items()
    ]
    show(
        f"Synthetic files in AntM2C's format, {CORES} cores",
        ("file", "rows", "rows/s", "MB/s", "CPU us/row", "peak MB"),
        rows,
    )
    print(table([score for score in scores if score.scene == ALL]))
    counted = main["read"] == main["given"] + sum(main["refused"].values()) and main["refused"] == planted
    whole = [score for score in scores if score.model == "ours" and score.scene == ALL and score.auc is not None]
    solved = {score.task for score in whole}
    cold = {score.task for score in whole if score.group == "cold"}
    bars = [
        bar("AntM2C: rows read a second", main["rows_per_s"], ">=", 200_000),
        bar("AntM2C: peak memory, MB", main["peak_mb"], "<=", 1_000),
        bar(
            "AntM2C: peak memory of four times the rows, MB more",
            main["peak_mb"] - reading["a quarter"]["peak_mb"],
            "<=",
            64,
        ),
        bar("AntM2C: malformed rows counted by their reason, share", float(counted), ">=", 1),
        bar("AntM2C: tasks run end to end, of 6", len(solved), ">=", 6),
        bar("AntM2C: with cold items and users asked for themselves, of 2", len(cold), ">=", 2),
    ]
    return bars, {
        "data": "synthetic",
        "reading": reading,
        "planted": planted,
        "images": images,
        "auc of the true chances": ceiling,
        "scores": [dataclasses.asdict(score) for score in scores],
    }


def _reading(folder: Path, written: int, copies: int, rounds: int) -> tuple[dict[str, Any], dict[str, int]]:
    import pyarrow.parquet as pq

    found = {}
    planted: Counter[str] = Counter()
    for features in (True, False):
        columns = 37 if features else 10
        small = write_synthetic(folder / str(columns), written, 1, parts=1, malformed=PLANTED, features=features)
        head, _, body = small.paths[0].read_bytes().partition(b"\n")
        files = {f"{columns} columns, CSV": (copies, False)}
        if features:
            planted = small.planted
            files |= {"a quarter": (copies // 4, False), "37 columns, gzip": (copies // 4, True)}
        for name, (times, packed) in files.items():
            path = folder / "synthetic_file"
            with gzip.open(path, "wb", 1) if packed else path.open("wb") as file:
                file.write(head + b"\n")
                for _ in range(times):
                    file.write(body)
            found[name] = _measured(path, rounds if not packed else 1, len(body) * times)
            path.unlink()
    clean = write_synthetic(folder / "clean", written, 1, parts=1)
    path = folder / "synthetic_file.parquet"
    _to_parquet(clean.paths[0], path, copies // 4)
    found["37 columns, Parquet"] = _measured(path, 1, path.stat().st_size)
    found["37 columns, Parquet"]["row_groups"] = pq.ParquetFile(path).num_row_groups
    return found, {reason: count * copies for reason, count in planted.items()}


def _to_parquet(source: Path, path: Path, copies: int) -> None:
    import pyarrow.parquet as pq
    from pyarrow import csv

    rows = csv.read_csv(source, parse_options=csv.ParseOptions(newlines_in_values=True))
    with pq.ParquetWriter(path, rows.schema) as writer:
        for _ in range(copies):
            writer.write_table(rows, row_group_size=65_536)


def _measured(path: Path, rounds: int, size: int) -> dict[str, Any]:
    """Median of some processes that read a file on two cores."""
    outputs = []
    for number in range(rounds):
        print(f"  round {number + 1}/{rounds}: {path.name}, {size / 1e6:,.0f} MB", file=sys.stderr)
        command = [sys.executable, "-m", "tests.benchmarks.recommendation.antm2c_reading", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        if done.returncode:
            raise RuntimeError(f"Reading failed: {done.stderr[-2_000:]}")
        outputs.append(json.loads(done.stdout))
    seconds = median(output["seconds"] for output in outputs)
    first = outputs[0]
    return {
        "rows": first["read"],
        **{name: first[name] for name in ("read", "given", "refused", "batches", "largest_batch")},
        "seconds": [output["seconds"] for output in outputs],
        "rows_per_s": first["read"] / seconds,
        "cpu_us_a_row": median(output["cpu_seconds"] for output in outputs) / first["read"] * 1e6,
        "megabytes_per_s": size / 1e6 / seconds,
        "peak_mb": max(output["peak_mb"] for output in outputs),
        "mb_before": first["mb_before"],
    }


def _tasks(folder: Path, rows: int, most_seconds: float) -> tuple[list[Score], float, dict[str, Any]]:
    schema = dataclasses.replace(ANTM2C, columns=(*ANTM2C.columns, Column("image_vector", "vector", "item")))
    written = write_synthetic(folder, rows, 2, vectors=8, images=True, malformed=5)
    report = Report()
    samples = to_samples(read_antm2c(written.paths, schema=schema, report=report), schema=schema)
    if report.refused != dict.fromkeys(MALFORMED.values(), 5):
        raise RuntimeError(f"Not all planted rows were refused: {report}")
    images = _images(folder, written, samples.items.ids.tolist())
    tasks: list[Task] = [
        multi_scenario(samples),
        cold_start(samples, "item"),
        cold_start(samples, "user", few=10),
        *multi_modal(samples, images="image_vector").values(),
    ]
    texts = TextFeatures(Bigrams())
    models: dict[str, Callable[[], Model]] = {
        "domain popularity": DomainPopularity,
        "logistic": Logistic,
        "ours": lambda: Foundation(texts),
    }
    scores = []
    for task in tasks:
        for name, make in models.items():
            print(f"  {task.name}: {name}", file=sys.stderr)
            scores.extend(solve(task, name, make(), seed=0, max_seconds=most_seconds))
    return scores, auc(samples.label, written.chance), images


def _images(folder: Path, written: Synthetic, ids: list[str]) -> dict[str, Any]:
    """The folder of images and the same as an archive give the same vectors."""
    if written.images is None:
        raise RuntimeError("No images were written.")
    archive = folder / "synthetic_image.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(written.images, "images")
    one, other = (image_vectors(source, ids, _colour) for source in (written.images, archive))
    return {
        "items": len(ids),
        "without an image": one.missing,
        "folder and archive agree": bool(np.array_equal(one.vectors, other.vectors, equal_nan=True)),
    }


def _colour(images: list[Any]) -> NDArray[np.float64]:
    """A fake encoder: the mean colour."""
    return np.array([np.asarray(image, float).mean((0, 1)) / 255 for image in images])
