"""What bad input gets, from the estimator and from the tool: the sentence that came back, for each.

A case is good where it is refused in words that name what is wrong, or handled; the tool must then say what it did. It
is bad where neither, where the error is not one for bad values, or where a number that came back is not finite.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bethink.tools.contract import ToolContext, call_tool
from bethink.tools.density.estimator import DiffusionDensity
from bethink.tools.density.tool import estimate_density
from tests.benchmarks.report import Bar, bar, show

ROWS = 200
LONGEST = 220
"""Letters of a sentence that the table shows."""


@dataclass(frozen=True)
class Outcome:
    """What came back: refused or handled, in which words, and whether that will do."""

    kind: str
    words: str
    good: bool


def normal(rows: int = ROWS, columns: int = 2, seed: int = 0) -> np.ndarray:
    """A harmless table."""
    return np.random.default_rng(seed).normal(size=(rows, columns))


def spoilt(value: object) -> np.ndarray:
    """A harmless table but for one value."""
    values = normal().astype(object if isinstance(value, str) else float)
    values[3, 1] = value
    return values


def with_column(column: object) -> np.ndarray:
    """A harmless table and one column more."""
    return np.column_stack([normal(), np.broadcast_to(np.asarray(column), ROWS)])


def dates() -> np.ndarray:
    """A column of days, as numpy has them."""
    return np.datetime64("2024-01-01") + np.arange(ROWS)[:, None]


def frame_with(name: str) -> Any:
    """A pandas table with a column of days or of text."""
    import pandas

    column = {"days": pandas.date_range("2024", periods=ROWS), "city": ["Porto", "Lisbon"] * (ROWS // 2)}[name]
    return pandas.DataFrame({"x": normal()[:, 0], name: column})


# -- the estimator ----------------------------------------------------------------------------------------------------

ESTIMATOR: list[tuple[str, Callable[[], Any], tuple[str, ...]]] = [
    ("constant column", lambda: with_column(5.0), ("constant",)),
    ("a column twice", lambda: with_column(normal()[:, 0]), ("the same",)),
    ("a column that is the sum of two", lambda: with_column(normal().sum(1)), ()),
    ("half of the rows are copies", lambda: np.r_[normal(100), normal(100)], ()),
    ("one row a hundred times", lambda: np.r_[normal(100), np.repeat(normal(1, seed=1), 100, 0)], ()),
    ("all rows equal", lambda: np.ones((ROWS, 2)), ("constant",)),
    ("12 rows, each 20 times", lambda: np.repeat(normal(12), 20, 0), ("copies",)),
    ("NaN", lambda: spoilt(np.nan), ("NaN",)),
    ("infinity", lambda: spoilt(np.inf), ("infinity",)),
    ("3 rows", lambda: normal(3), ("3 rows",)),
    ("no rows", lambda: np.empty((0, 2)), ("0 sample",)),
    ("no columns", lambda: np.empty((50, 0)), ("0 feature",)),
    ("10,000 columns", lambda: normal(100, 10_000), ("10,000 columns",)),
    ("one dimension", lambda: normal()[:, 0], ("2D array",)),
    ("three dimensions", lambda: normal()[None], ("dim 3",)),
    ("text", lambda: spoilt("Porto"), ("Porto",)),
    ("pandas column of text", lambda: frame_with("city"), ("Porto", "city")),
    ("dates", dates, ("date", "Date")),
    ("pandas column of dates", lambda: frame_with("days"), ("date", "Date", "days")),
    ("complex numbers", lambda: normal() + 1j, ("Complex",)),
    ("yes and no", lambda: normal() > 0, ("categories",)),
    ("small whole numbers", lambda: np.random.default_rng(0).poisson(30, (ROWS, 2)), ()),
    ("values of 1e300", lambda: normal() * 1e300, ("too large",)),
    ("values of 1e50", lambda: normal() * 1e50, ()),
    ("values of 1e-50", lambda: normal() * 1e-50, ()),
    ("values around 1e9, a unit apart", lambda: normal() + 1e9, ()),
    ("one value of 1e12", lambda: spoilt(1e12), ()),
    ("Cauchy tails", lambda: np.random.default_rng(0).standard_cauchy((ROWS, 2)), ()),
]
"""(name, table, words of which one must stand in the refusal; none: it must be handled)."""


def by_estimator(table: Any, words: tuple[str, ...]) -> Outcome:
    """Fit, score and sample; numpy's warnings count as errors, since they mean numbers that are not finite."""
    model = DiffusionDensity(labels=500, network_steps=100, random_state=0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            model.fit(table)
            density, drawn = model.log_prob(table), model.sample(100)
    except ValueError as problem:
        said = " ".join(str(problem).split())
        return Outcome("refused", said, any(word in said for word in words))
    except Exception as problem:  # what a user must not see
        return Outcome("ERROR", f"{type(problem).__name__}: {' '.join(str(problem).split())}", False)
    distinct = min(len(np.unique(column)) for column in drawn.T)
    sound = bool(np.isfinite(density).all() and np.isfinite(drawn).all() and distinct > 50)
    steps = f", columns of steps {model.tied_columns_}" if model.tied_columns_ else ""
    chosen = f"clusters {model.clusters_}, bandwidth {model.bandwidth_:g}{steps}"
    if not sound:
        return Outcome("handled", f"samples or densities are not finite, or all the same ({chosen})", False)
    return Outcome("handled", chosen, not words)


# -- the tool ---------------------------------------------------------------------------------------------------------


def csv(values: np.ndarray, names: str = "") -> bytes:
    """A CSV file of a table."""
    header = names or ",".join(f"c{i}" for i in range(values.shape[1]))
    return "\n".join([header, *(",".join(map(str, row)) for row in values.tolist())]).encode() + b"\n"


def changed(row: int, cell: str) -> bytes:
    """A harmless CSV file but for one cell."""
    lines = csv(normal()).decode().splitlines()
    lines[row] = f"{lines[row].split(',')[0]},{cell}"
    return "\n".join(lines).encode()


FILES: list[tuple[str, bytes | None, tuple[str, ...]]] = [
    ("empty file", b"", ("empty",)),
    ("header only", b"a,b\n", ("no rows",)),
    ("not UTF-8", b"a,b\n1,\xff\xfe\xfa\n", ("UTF-8",)),
    ("zeros", bytes(1000), ("CSV", "text", "UTF-8", "binary")),
    ("a file that is not there", None, ("no uploaded file",)),
    ("constant column", csv(with_column(5.0)), ("always",)),
    ("a column twice", csv(with_column(normal()[:, 0])), ("equals", "follow", "times")),
    ("a column that is the sum of two", csv(with_column(normal().sum(1))), ("combination", "follow")),
    (
        "half of the rows are copies",
        csv(np.r_[normal(100), normal(100)]),
        ("repeat", "copies", "copy", "more than once"),
    ),
    ("all rows equal", csv(np.ones((ROWS, 2))), ("one value only",)),
    ("empty and NaN cells", changed(3, ""), ("missing",)),
    ("infinity", changed(3, "inf"), ("infinit",)),
    ("3 rows", csv(normal(3)), ("3 rows",)),
    ("10,000 columns", csv(normal(30, 10_000)), ("10,000 columns",)),
    ("dates", b"day,x\n" + b"".join(b"2024-01-%02d,%d\n" % (i + 1, i) for i in range(28)), ("date",)),
    ("text", csv(normal()).replace(b"c1", b"city").replace(b"\n", b",Porto\n").replace(b",Porto", b",z", 1), ("text",)),
    ("one cell of text", changed(3, "Porto"), ("Porto",)),
    ("values of 1e300", changed(3, "1e300"), ("1e+300",)),
    ("one value of 1e12", changed(3, "1e12"), ("1e+12", "1e12", "1,000,000,000,000")),
    ("small whole numbers", csv(np.random.default_rng(0).poisson(3, (ROWS, 2))), ("repeat", "step", "noise")),
    ("ragged rows", csv(normal()) + b"1,2,3\n", ("cells", "columns", "values")),
    ("the same name twice", csv(normal(), "a,a"), ("own name",)),
    ("an Excel file named CSV", b"PK\x03\x04" + bytes(range(256)) * 20, ("CSV", "UTF-8", "Excel")),
]
"""(name, bytes of the upload or None, words of which one must be said)."""
CALLS: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("a column that is not there", {"upload": "table.csv", "columns": ["age"]}, ("age",)),
    ("a file from outside", {"upload": "../../etc/passwd"}, ("plain file name",)),
    ("an unknown toy", {"toy": "weather"}, ("toy",)),
    ("no rows of a toy", {"rows": 0}, ("rows",)),
    ("a given value out of range", {"upload": "table.csv", "given": {"c0": 1e9}}, ("goes from",)),
    ("all columns given", {"upload": "table.csv", "given": {"c0": 0.0, "c1": 0.0}}, ("every column",)),
]
"""(name, arguments, words of which one must be said); ``table.csv`` is harmless."""


def by_tool(folder: Path, arguments: dict[str, Any], words: tuple[str, ...]) -> Outcome:
    """Call the tool as the agent does."""
    result = call_tool(estimate_density, arguments, ToolContext(folder / "out", uploads=folder))
    if result.error:
        said = f"[{result.error['code']}] {result.error['message']} {result.error.get('hint', '')}".strip()
        good = result.error["code"] not in ("internal", "timeout") and any(word in said for word in words)
        return Outcome("refused", said, good)
    output = result.output or {}
    notes = " ".join(output.get("notes", []))
    said = f"{notes} {output.get('summary', '')}"
    return Outcome("handled", notes or output.get("summary", ""), any(word in said for word in words))


# -- all --------------------------------------------------------------------------------------------------------------


def run() -> tuple[list[Bar], dict[str, Any]]:
    """Print what each case gets; the bars count the bad ones."""
    found: dict[str, dict[str, Outcome]] = {"estimator": {}, "tool": {}}
    for name, table, words in ESTIMATOR:
        found["estimator"][name] = by_estimator(table(), words)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "table.csv").write_bytes(csv(normal()))
        for name, content, words in FILES:
            file = folder / "upload.csv"
            file.unlink(missing_ok=True)
            if content is not None:
                file.write_bytes(content)
            found["tool"][name] = by_tool(folder, {"upload": "upload.csv", "generate": 100}, words)
        for name, arguments, words in CALLS:
            found["tool"][name] = by_tool(folder, arguments, words)
    bars = []
    for part, outcomes in found.items():
        rows = [(n, o.kind, _short(o.words), "yes" if o.good else "NO") for n, o in outcomes.items()]
        show(f"Bad input to the {part}", ("case", "", "what is said", "clear"), rows)
        bad = sum(not outcome.good for outcome in outcomes.values())
        bars.append(bar(f"bad input to the {part}: cases neither refused in words nor handled", bad, "<=", 0))
    figures = {
        part: {n: f"{o.kind}: {_short(o.words)}" for n, o in outcomes.items()} for part, outcomes in found.items()
    }
    return bars, figures


def _short(words: str) -> str:
    return words if len(words) <= LONGEST else words[: LONGEST - 3] + "..."


if __name__ == "__main__":
    torch.set_num_threads(1)
    run()
