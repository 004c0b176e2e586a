"""GVD, English and Chinese: of the questions that name a day with a talk, how many recall a turn of it among five."""

from __future__ import annotations

from typing import Any

from bethink.agents.evaluation.gvd import LANGUAGES, load_gvd, recall_named_days
from tests.benchmarks.recall.data import Remembering
from tests.benchmarks.report import Bar, bar, show

K = 5


def run() -> tuple[list[Bar], dict[str, Any]]:
    """See the module."""
    embedder = Remembering()
    bars: list[Bar] = []
    figures: dict[str, Any] = {"k": K}
    for language in LANGUAGES:
        rows = recall_named_days(load_gvd(language=language), embedder, k=K)
        talked = [row for row in rows if row.talked]
        found = sum(row.recalled > 0 for row in talked)
        figures[language] = {
            "questions that name a day": len(rows),
            "with a talk on it": len(talked),
            "with a turn of it recalled": found,
            "recalled turns of that day, %": round(100 * sum(row.recalled for row in talked) / (K * len(talked)), 1),
            "days without a talk": [f"{row.user}, {row.day}: {row.question}" for row in rows if not row.talked],
            "missed": [f"{row.user}, {row.day}: {row.question}" for row in talked if not row.recalled],
        }
        bars.append(bar(f"GVD {language}, named days recalled, %", 100 * found / len(talked), ">=", 100))
    names = list(figures["en"])
    show(
        "GVD: questions that name a day",
        ("", *LANGUAGES),
        [
            (name, *("; ".join(v) if isinstance(v := figures[each][name], list) else v for each in LANGUAGES))
            for name in names
        ],
    )
    return bars, figures
