"""A language model as judge of answers, with the safeguard that such judges need.

The lenient judge that published LoCoMo scores rest on accepted 62.8 % of answers that were wrong on purpose but on the
topic (the audit in ``dial481/locomo-audit``). So a judge is tried first, with wrong answers of two sorts, *specific*
(the right answer to another question of the same kind) and *vague* (on the topic, saying nothing), and with *right*
ones (the gold in a sentence). If it accepts more than 15 % of either wrong sort, or refuses more than 15 % of the
right, nothing it says is reported: a judge that always says WRONG is no judge either. Decoding is greedy.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Generator, Sequence
from typing import Any, Literal

from bethink.agents.evaluation.conversations import EvaluationError
from bethink.agents.evaluation.runs import Row
from bethink.agents.evaluation.scores import words

MOST_WRONG = 0.15
"""Share of the answers of one sort that a judge may misjudge."""
RIGHT = "right"
CONTROLS = 60
"""Answers of each sort that a judge is tried with (fewer where there are fewer questions)."""
Strictness = Literal["strict", "lenient"]
Verdict = Callable[[str], bool]
"""A prompt in, whether the judge says CORRECT."""
Progress = Callable[[float, str], None]
_RULES: dict[str, str] = {
    "strict": "CORRECT only if it states the same fact as the right answer, in whatever words, and nothing against it.",
    "lenient": "CORRECT if it touches on the same thing as the right answer, even if it says more or less.",
}
_PROMPT = """Judge an answer. {rule} Otherwise WRONG.

Question: {question}
Right answer: {gold}
Answer to judge: {answer}

Is the answer to judge CORRECT or WRONG?"""
_SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"enum": ["CORRECT", "WRONG"]}},
    "required": ["verdict"],
    "additionalProperties": False,
}


def prompt(strictness: Strictness, question: str, gold: str, answer: str) -> str:
    """What the judge is shown."""
    return _PROMPT.format(rule=_RULES[strictness], question=question, gold=gold, answer=answer)


def verdict_of(model: Any) -> Verdict:
    """A judge out of a chat model: under a grammar where the model has one, else by the word it answers."""
    if hasattr(model, "complete_json"):
        return lambda text: model.complete_json(text, _SCHEMA, max_new_tokens=20).get("verdict") == "CORRECT"

    def asked(text: str) -> bool:
        said = re.findall(r"CORRECT|WRONG|INCORRECT", str(model.invoke(text).text).upper())
        return bool(said) and said[-1] == "CORRECT"

    return asked


def controls(rows: Sequence[Row]) -> list[Row]:
    """Answers known to be wrong or right, to questions evenly spaced: rows of ``judge_control``, the kind its sort."""
    asked = _judgeable(rows)
    chosen = [asked[place * len(asked) // CONTROLS] for place in range(CONTROLS)] if len(asked) > CONTROLS else asked
    found = []
    for row in chosen:
        others = [
            other.detail["gold"]
            for other in asked
            if other.kind == row.kind and not set(words(other.detail["gold"])) & set(words(row.detail["gold"]))
        ]
        topic = " ".join(row.detail["question"].rstrip("?").split()[-4:])
        tried = {
            RIGHT: f"It was {row.detail['gold']}.",
            "vague": f"They talked about this at some point, about {topic}, and it mattered to them.",
        }
        if others:
            tried["specific"] = others[sum(map(ord, row.id)) % len(others)]
        for sort, answer in tried.items():
            detail = {"question": row.detail["question"], "gold": row.detail["gold"], "answer": answer}
            found.append(Row("judge_control", f"{sort}/{row.id}", row.group, sort, detail=detail))
    return found


def _judgeable(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.suite == "questions" and row.detail["gold"] and row.detail["answerable"]]


def judge(
    rows: Sequence[Row],
    verdict: Verdict,
    strictness: Strictness = "strict",
    *,
    done: Collection[tuple[str, str]] = (),
    kept: Sequence[Row] = (),
    progress: Progress = lambda share, message: None,
    cancel: threading.Event | None = None,
) -> Generator[Row, None, None]:
    """Try the judge, then, if it may be trusted, let it judge the run's answers.

    ``kept`` are rows of an earlier, unfinished call, ``done`` their (suite, id). Yields rows of ``judge_control`` with
    the score ``accepted``, then of ``judge`` with the score ``correct``.

    Raises:
        EvaluationError: the run has no answers to questions whose right answer is known.
    """
    cancel = cancel or threading.Event()
    answered = [row for row in _judgeable(rows) if row.detail["answer"]]
    if not answered:
        raise EvaluationError("The run has no answers to judge: it needs a model, and a set that has right answers.")
    tried, trials = list(kept), controls(rows)
    total = len(trials) + len(answered)
    for step, trial in enumerate(trials):
        if cancel.is_set():
            return
        if (trial.suite, trial.id) in done:
            continue
        trial.scores["accepted"] = float(verdict(prompt(strictness, **trial.detail)))
        tried.append(trial)
        yield trial
        progress(step / total, "trying the judge")
    if not trusted(tried):
        return
    for step, row in enumerate(answered):
        if cancel.is_set():
            return
        if ("judge", row.id) in done:
            continue
        asked = {name: row.detail[name] for name in ("question", "gold", "answer")}
        right = verdict(prompt(strictness, **asked))
        yield Row("judge", row.id, row.group, row.kind, {"correct": float(right)})
        progress((len(trials) + step) / total, row.detail["question"][:40])


def accepted(rows: Sequence[Row]) -> dict[str, float]:
    """The share of the answers of each sort that the judge took for right."""
    sorts: dict[str, list[float]] = {}
    for row in rows:
        if row.suite == "judge_control" and "accepted" in row.scores:
            sorts.setdefault(row.kind, []).append(row.scores["accepted"])
    return {sort: sum(values) / len(values) for sort, values in sorted(sorts.items())}


def trusted(rows: Sequence[Row]) -> bool:
    """Whether the judge misjudged at most 15 % of the answers of every sort it was tried with."""
    wrong = {sort: 1 - share if sort == RIGHT else share for sort, share in accepted(rows).items()}
    return bool(wrong) and max(wrong.values()) <= MOST_WRONG
