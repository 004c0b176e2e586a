"""A long-term dialogue evaluation on Ray Data: the results of :func:`bethink.agents.evaluation.dialogue.evaluate`.

The conversations are cut into parts of a few, each with a memory of its own, so that a user's recall is still seen not
to reach another's. A worker opens model and embedder once and takes one part after the other; a part whose worker dies
is done again by another. Where it runs: :func:`bethink.tools.ray_cluster.ray_data`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from bethink.agents.evaluation.conversations import Conversation
from bethink.agents.evaluation.dialogue import Open, Plan, Progress, checked_plan, evaluate, misleading
from bethink.agents.evaluation.runs import Row
from bethink.tools.ray_cluster import ray_data

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

TOGETHER = 4
"""Conversations of one part at most; never one alone where there are others."""
RESTARTS = 4
"""So often a worker is started again, and a part done again, before the run ends."""
Prepare = Callable[[], "tuple[Open, BaseChatModel | None]"]
"""Makes what a worker needs: the memory to evaluate, and the model. It is pickled, and called where the work is."""


def evaluate_on_ray(
    conversations: Sequence[Conversation],
    prepare: Prepare,
    plan: Plan,
    *,
    done: Collection[tuple[str, str]] = (),
    progress: Progress = lambda share, message: None,
    cancel: threading.Event | None = None,
    cpus: int | None = None,
) -> Generator[Row, None, None]:
    """Yield results, a part's when it is finished, in no particular order; scores are those of ``evaluate``.

    What is in ``done``, (suite, id), is not run again. Once ``cancel`` is set it ends with the next finished part.

    Args:
        conversations: what is remembered and asked.
        prepare: see :data:`Prepare`.
        plan: what is run.
        done: results that are there already.
        progress: told (share of the parts, message).
        cancel: stops the run.
        cpus: cores for a Ray that is started here; None: all.

    Raises:
        EvaluationError: the plan does not fit the conversations.
        ImportError: Ray is not installed.
    """
    checked_plan(conversations, plan)
    plan = replace(plan, abstain=misleading(conversations) if plan.abstain is None else plan.abstain)
    cancel, todo = cancel or threading.Event(), parts(len(conversations), plan.suites)
    with ray_data(cpus) as data:
        import ray

        workers = max(1, min(len(todo), int(ray.cluster_resources().get("CPU", 1))))
        found = data.from_items(todo, override_num_blocks=len(todo)).flat_map(
            _Worker,
            fn_constructor_args=(prepare, list(conversations), plan, set(done)),
            compute=data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1),
            num_cpus=1,
            max_restarts=RESTARTS,
            max_task_retries=RESTARTS,
        )
        found.context.raise_original_map_exception = True
        finished = 0
        for line in found.iter_rows():
            if cancel.is_set():
                return
            if line["row"]:
                yield Row(**json.loads(line["row"]))
            else:
                finished += 1
                progress(finished / len(todo), f"{line['suite']}: {finished} of {len(todo)} parts")


def parts(count: int, suites: Sequence[str]) -> list[dict[str, Any]]:
    """What is run as one: a suite on the conversations from ``first`` up to ``last``."""
    cuts = -(-count // TOGETHER)
    places = [count * cut // max(cuts, 1) for cut in range(cuts + 1)]
    spans = {"questions": list(pairwise(places))}
    return [
        {"suite": suite, "first": first, "last": last}
        for suite in suites
        for first, last in spans.get(suite, [(0, count)])
    ]


class _Worker:
    """In a process of Ray's: one part after the other, with what was prepared once."""

    def __init__(
        self, prepare: Prepare, conversations: list[Conversation], plan: Plan, done: set[tuple[str, str]]
    ) -> None:
        self._prepare, self._prepared = prepare, list[Any]()
        self._conversations, self._plan, self._done = conversations, plan, done

    def __call__(self, part: dict[str, Any]) -> list[dict[str, str]]:
        if not self._prepared:  # here, so that what fails is told as it is
            self._prepared.append(self._prepare())
        memory, model = self._prepared[0]
        chosen, suite = self._conversations[part["first"] : part["last"]], str(part["suite"])
        rows = evaluate(chosen, memory, model, replace(self._plan, suites=(suite,)), done=self._done)
        found = [{"suite": suite, "row": json.dumps(asdict(row), ensure_ascii=False)} for row in rows]
        return [*found, {"suite": suite, "row": ""}]
