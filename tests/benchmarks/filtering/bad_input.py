"""What bad input gets: for each case the sentence that a user or the agent reads. Nothing may end in a traceback."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from bethink.tools.contract import ToolContext, call_tool
from bethink.tools.filtering.kalman import EnKF
from bethink.tools.filtering.models import lorenz96
from bethink.tools.filtering.observations import ObservationError, read_observations
from bethink.tools.filtering.operators import CallableOperator, operator_named
from bethink.tools.filtering.score_filter import EnsembleScoreFilter
from bethink.tools.filtering.tool import track_state
from tests.benchmarks.report import Bar, bar, show

EYE = operator_named("identity")


def _chance() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def missing_values() -> str:
    """NaN observations count as missing: those components are left as forecast by the EnKF of one component alone."""
    forecast = torch.randn(20, 1, generator=_chance())
    analysis = EnKF().analyse(forecast, torch.tensor([math.nan]), EYE, 0.1, _chance())
    return "treated as missing: the members are unchanged" if torch.equal(analysis, forecast) else "CHANGED"


def not_differentiable() -> None:
    """An operator that rounds has no gradient."""
    rounded = CallableOperator("rounded", lambda x: x.detach().round())
    EnsembleScoreFilter(n_steps=2).analyse(torch.zeros(4, 3), torch.zeros(3), rounded, 0.1, _chance())


LIBRARY: list[tuple[str, Callable[[], object]]] = [
    ("NaN observation", missing_values),
    ("wrong dimension", lambda: EnKF().analyse(torch.zeros(4, 3), torch.zeros(2), EYE, 0.1, _chance())),
    ("negative noise", lambda: EnKF().analyse(torch.zeros(4, 3), torch.zeros(3), EYE, -0.1, _chance())),
    ("one member", lambda: EnKF().analyse(torch.zeros(1, 3), torch.zeros(3), EYE, 0.1, _chance())),
    ("operator without a gradient", not_differentiable),
    ("a model that blew up", lambda: EnKF().analyse(torch.full((4, 3), math.inf), torch.zeros(3), EYE, 1, _chance())),
    ("Lorenz-96 with 3 sites", lambda: lorenz96(3)),
]
FILES: list[tuple[str, bytes]] = [
    ("empty CSV", b""),
    ("header only", b"time,a,b\n"),
    ("text column", b"time,city\n1,Porto\n2,Lisbon\n"),
    ("not UTF-8", b"time,a\n1,\xff\xfe\xfa\n"),
    ("ragged rows", b"time,a,b\n1,2,3\n2,3\n"),
    ("time runs backwards", b"time,a\n2,1\n1,2\n"),
]
CALLS: list[tuple[str, dict[str, object]]] = [
    ("a request of several GB", {"system": "lorenz96", "dimension": 100_000, "members": 500, "cycles": 2000}),
    ("negative noise to the tool", {"noise": -1}),
    ("one member to the tool", {"members": 1}),
    ("unknown system", {"system": "weather"}),
    ("upload that is not there", {"upload": "nothing.csv"}),
    ("upload from outside", {"upload": "../../etc/passwd"}),
]


def run() -> tuple[list[Bar], dict[str, object]]:
    """Print what each case gets; the bar counts cases without a sentence."""
    said: dict[str, str] = {}
    for name, case in LIBRARY:
        try:
            said[name] = str(case())
        except ValueError as problem:
            said[name] = str(problem)
    with tempfile.TemporaryDirectory() as folder:
        for name, content in FILES:
            path = Path(folder) / "observations.csv"
            path.write_bytes(content)
            try:
                read_observations(path)
                said[name] = ""
            except ObservationError as problem:
                said[name] = f"{problem} {problem.hint}"
        for name, arguments in CALLS:
            result = call_tool(track_state, arguments, ToolContext(Path(folder), uploads=Path(folder)))
            error = result.error or {}
            said[name] = f"[{error.get('code')}] {error.get('message')} {error.get('hint')}" if error else ""
    show("Bad input", ("case", "what is said"), list(said.items()))
    silent = [name for name, words in said.items() if not words or "[internal]" in words or words == "CHANGED"]
    return [bar("bad input: cases without a helpful sentence", len(silent), "<=", 0)], dict(said)


if __name__ == "__main__":
    run()
