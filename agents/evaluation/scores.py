"""What one question is scored by. Every score is between 0 and 1, a higher one is better unless its name says else.

LoCoMo's own rules where it has some (arXiv 2402.17753): F1 of stemmed words without articles; a multi-hop answer is
split at commas, each part of the gold takes its best; of an open-domain answer only what stands before ";" counts. A
Chinese character is a word.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache
from statistics import mean
from typing import Any

from bethink.agents.evaluation.conversations import Question

KS = (5, 10, 20)
"""Lengths of the list of recalled texts that are scored."""
NOT_MENTIONED = "not mentioned"
"""What a model is asked to answer where nothing was said."""
_ABSTAINS = re.compile(
    r"\bno (?:such )?(?:information|mention)|\bnot (?:mentioned|specified|stated|known)|\bdon'?t know|\bdo not know"
    r"|\bunknown\b|没有提到|不知道|无法确定",
    re.IGNORECASE,
)
_ARTICLES = {"a", "an", "the", "and"}
_WORD = re.compile(r"[㐀-鿿]|[^\W_㐀-鿿]+")


def words(text: str) -> list[str]:
    """The words that count: lower case, without punctuation and articles, stemmed by Porter's rules."""
    found = _WORD.findall(unicodedata.normalize("NFKC", text).casefold().replace("'s ", " "))
    return [_stemmer().stemWord(word) for word in found if word not in _ARTICLES]


@cache
def _stemmer() -> Any:
    from snowballstemmer import stemmer

    return stemmer("porter")


def f1(answer: str, gold: str) -> float:
    """Harmonic mean of the shares of words that the two have in common."""
    said, wanted = words(answer), words(gold)
    common = sum((Counter(said) & Counter(wanted)).values())
    return 2 * common / (len(said) + len(wanted)) if common else 0.0


def official_f1(answer: str, gold: str, kind: str) -> float:
    """F1 by LoCoMo's rules for its kinds, plain F1 for others."""
    if kind == "multi-hop":
        parts = answer.split(",")
        return mean(max(f1(part, each) for part in parts) for each in gold.split(","))
    return f1(answer, gold.split(";")[0] if kind == "open-domain" else gold)


def rouge_l(answer: str, gold: str) -> float:
    """F1 of the longest common subsequence of words (ROUGE-L)."""
    said, wanted = words(answer), words(gold)
    best = [0] * (len(wanted) + 1)
    for word in said:
        before = 0
        for place, other in enumerate(wanted, 1):
            before, best[place] = best[place], before + 1 if word == other else max(best[place], best[place - 1])
    return 2 * best[-1] / (len(said) + len(wanted)) if best[-1] else 0.0


def holds(text: str, gold: str) -> bool:
    """Whether the gold's words stand in the text, together and in order."""
    inside, wanted = f" {' '.join(words(text))} ", " ".join(words(gold))
    return bool(wanted) and f" {wanted} " in inside


def abstains(answer: str) -> bool:
    """Whether an answer says that nothing is known."""
    return _ABSTAINS.search(answer) is not None


def of_recall(question: Question, recalled: Sequence[Sequence[str]], prompted: int) -> dict[str, float]:
    """Scores of a list of recalled texts, each given by the turns it was drawn from.

    ``recall@k`` is the share of the evidence in the first k, ``any@k`` whether some of it is there. ``recall@prompt``
    and ``any@prompt`` are of the first ``prompted``: what a model is shown. {} where nothing is to be found: the
    question has no evidence, or nothing was said that answers it.
    """
    wanted = set(question.evidence)
    if not wanted or not question.answerable:
        return {}
    found: dict[str, float] = {}
    for name, k in (*((str(k), k) for k in KS), ("prompt", prompted)):
        got = {turn for sources in recalled[:k] for turn in sources} & wanted
        found[f"recall@{name}"], found[f"any@{name}"] = len(got) / len(wanted), float(bool(got))
    return found


def of_answer(question: Question, answer: str, prompt_texts: Sequence[str]) -> dict[str, float]:
    """Scores of an answer.

    Where the set has a gold answer: ``f1``, ``rouge_l``, ``holds_gold``, ``false_abstention`` and ``gold_in_prompt``
    (whether generation could have copied it). Where nothing was said: ``abstention``. Where the set has no answers:
    ``rests_on_recalled``.
    """
    if not question.answerable:
        return {"abstention": float(abstains(answer))}
    if question.answer is None:
        return {"rests_on_recalled": float(rests_on(answer, question.text, prompt_texts))}
    return {
        "f1": official_f1(answer, question.answer, question.kind),
        "rouge_l": rouge_l(answer, question.answer),
        "holds_gold": float(holds(answer, question.answer)),
        "false_abstention": float(abstains(answer)),
    }


def rests_on(answer: str, question: str, recalled: Sequence[str]) -> bool:
    """Whether at least half of the answer's own words (those the question did not give) stand in recalled texts."""
    from bethink.memory.lexical import tokens

    own = set(tokens(answer)) - set(tokens(question))
    known = {word for text in recalled for word in tokens(text)}
    return bool(own) and len(own & known) * 2 >= len(own)
