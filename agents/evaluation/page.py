"""One HTML page of a run, or of several side by side: pictures, figures, and every question. It fetches nothing."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bethink.agents.evaluation.conversations import EvaluationError
from bethink.agents.evaluation.pictures import MOST_RUNS, draw_scores, draw_times
from bethink.agents.evaluation.runs import Row, Run
from bethink.agents.evaluation.summary import ALL, Estimate, Scores, compare, costs, scores

TEMPLATE = Path(__file__).parent / "data" / "page.html"
MOST_QUESTIONS = 500
"""Questions written out on the page; the run's file has all."""
MEANING = {
    "recall@5": "evidence among the first 5 recalled",
    "recall@10": "evidence among the first 10",
    "recall@20": "evidence among the first 20",
    "recall@prompt": "evidence in what the model is shown",
    "any@5": "some evidence among the first 5",
    "any@10": "some evidence among the first 10",
    "any@20": "some evidence among the first 20",
    "any@prompt": "some evidence in what the model is shown",
    "gold_in_prompt": "the right answer stands in what the model is shown",
    "f1": "answer, F1 of words",
    "rouge_l": "answer, ROUGE-L",
    "holds_gold": "answer holds the right one",
    "rests_on_recalled": "answer rests on what was recalled (half of its own words)",
    "abstention": "says so where nothing was said",
    "false_abstention": "says so where something was said",
    "isolated": "recalls nothing of another user's",
    "right": "right",
    "gone": "nothing recalled or held any more",
    "others_kept": "all else kept",
    "off_disk": "in no file any more",
    "update": "updates: the new value holds, the old one is known as past",
    "negative": "hard negatives: nothing replaced that still holds",
    "deletion": "deletions: exactly what was meant",
    "chain": "chains: what held at a date",
}
COSTS = {
    "questions": "questions asked",
    "turns": "turns gone through",
    "items": "items remembered",
    "remember_ms_per_turn": "remembering a turn, ms",
    "remember_joules_per_turn": "remembering a turn, J (estimated)",
    "bytes_per_item": "bytes on disk an item, logs of the open store included",
    "recall_ms_median": "recall, ms (median)",
    "recall_ms_p95": "recall, ms (95 %)",
    "answer_s_median": "answer, s (median)",
    "tokens_in_median": "tokens in the prompt (median)",
    "tokens_out_median": "tokens in the answer (median)",
    "joules_median": "recall and answer, J (median, estimated)",
}


def named(run: Run) -> str:
    """What a run is called on a page: its memory, what it remembers, and its model if it has one."""
    settings = run.settings
    model = settings.get("model")
    return f"{settings.get('memory')}, {settings.get('what')}" + (f", {model}" if model and model != "none" else "")


def write_page(runs: Sequence[Run], path: str | Path) -> Path:
    """Write the page.

    Raises:
        EvaluationError: it cannot be written, or there are no results or too many runs.
    """
    if not runs or not any(run.rows for run in runs):
        raise EvaluationError("There are no results to show yet.")
    if len(runs) > MOST_RUNS:
        raise EvaluationError(f"A page shows at most {MOST_RUNS} runs, not {len(runs)}.")
    place = Path(path)
    try:
        place.write_text(page(runs), encoding="utf-8")
    except OSError as problem:
        raise EvaluationError(f"{place} cannot be written ({problem.strerror}). Choose another.") from problem
    return place


def page(runs: Sequence[Run]) -> str:
    """The page's text."""
    from jinja2 import Environment

    names = _told_apart([named(run) for run in runs])
    found = dict(zip(names, (scores(run.rows) for run in runs), strict=True))
    template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        TEMPLATE.read_text("utf-8")
    )
    return template.render(
        title=f"Long dialogues: {runs[0].settings.get('data')}",
        names=names,
        settings=[
            (name, ", ".join(f"{k} {_plain(v)}" for k, v in run.settings.items() if v is not None))
            for name, run in zip(names, runs, strict=True)
        ],
        pictures=[(head, base64.b64encode(png).decode(), words) for head, png, words in _pictures(found, runs, names)],
        tables=[table for table in (_table(head, rows, names) for head, rows in sections(found)) if table["rows"]],
        costs=_costs(runs, names),
        differences=[] if len(runs) != 2 else [_difference(each) for each in compare(*runs)],
        questions=_questions(runs[0].rows),
        most=MOST_QUESTIONS,
    )


def _plain(value: Any) -> str:
    return " and ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _told_apart(names: Sequence[str]) -> list[str]:
    return [name if names.count(name) == 1 else f"{name} ({number})" for number, name in enumerate(names, 1)]


Section = tuple[str, list[tuple[str, dict[str, Estimate]]]]


def sections(found: dict[str, Scores]) -> list[Section]:
    """The scores of some runs as parts of a page: a title, and lines of (label, estimate by run)."""

    def lines(suite: str, kind: str, wanted: Iterable[str]) -> list[tuple[str, dict[str, Estimate]]]:
        return [
            (MEANING[name], each)
            for name in wanted
            if (
                each := {
                    run: s[suite][kind][name] for run, s in found.items() if name in s.get(suite, {}).get(kind, {})
                }
            )
        ]

    kinds = sorted({kind for s in found.values() for kind in s.get("questions", {}) if kind != ALL})
    by_kind = [
        (f"{kind}: {label}", each)
        for kind in (kinds if len(kinds) > 1 else [])
        for label, each in lines("questions", kind, ("recall@10", "any@5", "f1", "abstention", "rests_on_recalled"))
    ]
    judged = [
        (MEANING[kind], each)
        for kind in ("update", "negative", "chain", "deletion")
        for _, each in lines("contradiction", kind, ["right"])
    ]
    recall = [name for name in MEANING if name.startswith(("recall@", "any@"))]
    answers = ("gold_in_prompt", "f1", "rouge_l", "holds_gold", "rests_on_recalled", "abstention", "false_abstention")
    return [
        ("What is found", lines("questions", ALL, recall)),
        ("Answers", lines("questions", ALL, answers)),
        ("By kind of question", by_kind),
        ("What holds now, and what held then", judged),
        ("Forgetting", lines("forgetting", ALL, ("gone", "others_kept", "off_disk"))),
        ("Isolation", lines("questions", ALL, ["isolated"])),
    ]


def _pictures(found: dict[str, Scores], runs: Sequence[Run], names: Sequence[str]) -> list[tuple[str, bytes, str]]:
    drawn = [
        (head, draw_scores(rows, names), f"{head}: the table below has the figures")
        for head, rows in sections(found)
        if rows
    ]
    times = {
        name: [row.costs["recall_ms"] for row in run.rows if "recall_ms" in row.costs]
        for name, run in zip(names, runs, strict=True)
    }
    if any(times.values()):
        drawn.append(("How long recall takes", draw_times({n: v for n, v in times.items() if v}), "times of recall"))
    return drawn


def _table(head: str, rows: list[tuple[str, dict[str, Estimate]]], names: Sequence[str]) -> dict[str, Any]:
    def cell(each: dict[str, Estimate], name: str) -> str:
        if name not in each:
            return "–"
        one = each[name]
        return f"{100 * one.mean:.1f} % ({100 * one.low:.1f} to {100 * one.high:.1f})"

    return {
        "head": head,
        "rows": [
            (label, max(one.count for one in each.values()), [cell(each, name) for name in names])
            for label, each in rows
        ],
    }


def _costs(runs: Sequence[Run], names: Sequence[str]) -> list[tuple[str, list[str]]]:
    every = [costs(run.rows) for run in runs]
    return [
        (label, [short(each[key]) if key in each else "–" for each in every])
        for key, label in COSTS.items()
        if any(each.get(key) for each in every)
    ]


def short(value: float) -> str:
    """Three digits that count, no exponent: 0.101, 24.5, 15,440."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _difference(each: Any) -> dict[str, Any]:
    gain = each.difference
    return {
        "label": f"{each.suite}: {MEANING.get(each.score, each.score)}",
        "first": f"{100 * each.first:.1f} %",
        "second": f"{100 * each.second:.1f} %",
        "gain": f"{100 * gain.mean:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})",
        "count": gain.count,
        "apart": "yes" if each.told_apart else "no",
    }


def _questions(rows: Sequence[Row]) -> list[dict[str, Any]]:
    asked = [row for row in rows if row.suite == "questions"]
    asked.sort(key=lambda row: row.scores.get("any@10", row.scores.get("abstention", 1.0)))
    return [
        {
            "missed": row.scores.get("any@10") == 0,
            "question": row.detail["question"],
            "gold": row.detail["gold"] or ("" if row.detail["answerable"] else "(nothing was said of it)"),
            "answer": row.detail["answer"],
            "kind": row.kind,
            "group": row.group,
            "recalled": row.detail["recalled"],
            "scores": ", ".join(f"{name} {value:.2f}" for name, value in row.scores.items()),
        }
        for row in asked[:MOST_QUESTIONS]
    ]
