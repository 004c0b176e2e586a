"""The task "report": what a call gave, told in one to three sentences that only use what stands there."""

from __future__ import annotations

import random
import re
from functools import lru_cache

from bethink.models.agent_prompts import call_text, chat_prompt, result_text
from bethink.models.training.calls.budget_results import result
from bethink.models.training.calls.errors import failed, failures, makes_sense
from bethink.models.training.calls.grammar import Draw, Unfit, book, keep, plain
from bethink.models.training.calls.requests import Request, request
from bethink.models.training.calls.results import Found
from bethink.models.training.calls.toolbox import offered
from bethink.models.training.calls.typing_style import tidy
from bethink.models.training.examples import Example

KINDS_OF = {
    "track_state": (
        "tracked",
        "loose",
        "lost",
        "narrow",
        "wide",
        "tracked_many",
        "loose_many",
        "lost_many",
        "series_fits",
        "series_large",
        "series_small",
    ),
    "estimate_density": ("not_gaussian", "gaussian", "undecided"),
    "allocate_budget": ("plan", "plan_unspent", "plan_unsure", "plan_unreliable", "plan_warned"),
    "budget_curve": ("curve", "curve_unreliable", "curve_warned", "target", "target_unreliable", "target_warned"),
    "evaluate_policy": (
        "rule_good",
        "rule_bad",
        "rule_unsure",
        "rule_unreliable",
        "rule_good_warned",
        "rule_bad_warned",
        "rule_unsure_warned",
    ),
    "recommend": ("taste_many", "taste_few", "new", "log", "log_new"),
    "search_catalog": ("found_many", "found_few", "nothing"),
}
COPIED = ("file", "first", "second", "third", "top", "query", "customer", "reward")
"""Facts that begin no sentence with a capital of ours."""
_TOOL = {kind: tool for tool, kinds in KINDS_OF.items() for kind in kinds}


@lru_cache(maxsize=1)
def families() -> tuple[str, ...]:
    """Results told in a certain way, and errors told in a certain way."""
    told = [f"report/{name}" for name in book("report").families]
    return (*told, *(f"report/error.{each.name}.{way}" for each in failures() for way in range(len(each.told))))


def told(found: Found, pattern: str, rng: random.Random) -> str:
    """The report of a pattern, with the result's figures."""

    def fact(_: Draw, key: str) -> str:
        value = found.facts[key]
        return keep(value) if key in COPIED or "." in value else value

    text = plain(tidy(Draw(rng, book("report").rules, {"f": fact}).say(pattern)))
    return re.sub(r"\.\.$", ".", text)


def example(family: str, requests: list[tuple[str, str]], rng: random.Random) -> Example:
    """An example of a family; the request is of one of ``requests``, (tool, family)."""
    name = family.removeprefix("report/")
    if name.startswith("error."):
        _, kind, way = name.split(".")
        return _error(kind, int(way), requests, rng)
    kind = name.rpartition(".")[0]
    own = [each for each in requests if each[0] == _TOOL[kind]]
    for _ in range(2000 if own else 0):
        asked = request(*rng.choice(own), rng)
        found = result(asked.tool, asked.args, rng)
        if found.kind == kind:
            return _example(asked, found.text(rng), told(found, book("report").families[name], rng), rng)
    raise Unfit(f"No request leads to a result of the kind {kind}.")


def _error(kind: str, way: int, requests: list[tuple[str, str]], rng: random.Random) -> Example:
    failure = next(each for each in failures() if each.name == kind)
    own = [each for each in requests if each[0] in failure.tools]
    for _ in range(2000 if own else 0):
        asked = request(*rng.choice(own), rng)
        if kind == "domain":
            asked = _of_no_domain(asked, rng)
        if not makes_sense(failure, asked):
            continue
        text, answer = failed(failure, way, asked, rng)
        return _example(asked, text, answer, rng)
    raise Unfit(f"No request leads to the error {kind}.")


def _of_no_domain(asked: Request, rng: random.Random) -> Request:
    what = rng.choice(["games", "songs", "wines", "series", "podcasts", "museums", "cars", "poems", "hotels", "shoes"])
    if asked.tool == "recommend":
        text = rng.choice(
            ["Recommend me some {}.", "Which {} would I like?", "{} for tonight?", "Suggest {} for me, please."]
        )
        return Request("recommend", tidy(text.format(what)), {"domain": what})
    text = rng.choice(["Find {} about the sea.", "Are there {} about the sea?", "search {}: the sea"])
    return Request("search_catalog", tidy(text.format(what)), {"domain": what, "query": "the sea"})


def _example(asked: Request, shown: str, answer: str, rng: random.Random) -> Example:
    call = call_text(asked.tool, asked.args)
    messages = [("user", asked.text), ("assistant", call), ("user", result_text(shown))]
    return Example("report", chat_prompt(offered(rng, asked.tool), messages), answer)
