"""A run's file: its settings, then one JSON line per result, flushed as it comes and read again to go on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bethink.agents.evaluation.conversations import EvaluationError

VERSION = 2
"""Of the file's format."""


@dataclass(frozen=True)
class Row:
    """One result: a question answered, an item of a suite judged, or a conversation remembered.

    ``group`` is what results belong to that may be alike (a conversation). ``scores`` are between 0 and 1
    (:mod:`bethink.agents.evaluation.scores`); ``costs`` are in the units of their names; ``detail`` is for reading.
    """

    suite: str
    id: str
    group: str
    kind: str
    scores: dict[str, float] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)
    detail: dict[str, Any] = field(default_factory=dict)


class Run:
    """The results in a file. A result that comes again (a conversation remembered anew after a stop) counts once."""

    def __init__(self, path: str | Path, settings: dict[str, Any] | None = None) -> None:
        """Open a file to go on with, or create it; without ``settings`` it is only read.

        Raises:
            EvaluationError: it is missing, cannot be read or written, or holds a run with other settings.
        """
        self.path = Path(path)
        self._rows: dict[tuple[str, str], Row] = {}
        try:
            there = self.path.exists()
            if settings is None and not there:
                raise EvaluationError(f"There is no {self.path}. A run writes it: bethink eval dialogue --out FILE.")
            body = self.path.read_text(encoding="utf-8") if there else ""
            self.settings = self._read(body, settings)
            if settings is None:
                return
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a", encoding="utf-8")
            if body and not body.endswith("\n"):
                self._file.write("\n")  # a kill cut the last line short
            if not body:
                self._write({"bethink_evaluation": VERSION, "settings": settings})
        except (OSError, UnicodeDecodeError) as problem:
            raise EvaluationError(f"{self.path} cannot be used ({problem}). Choose another with --out.") from problem

    def _read(self, body: str, settings: dict[str, Any] | None) -> dict[str, Any]:
        lines = body.splitlines()
        if not lines:
            return dict(settings or {})
        head = _parsed(lines[0])
        if head.get("bethink_evaluation") != VERSION or not isinstance(head.get("settings"), dict):
            raise EvaluationError(f"{self.path} is no run of this version of bethink. Choose another file with --out.")
        found: dict[str, Any] = head["settings"]
        if settings is not None and found != settings:
            other = [f"{key} {found.get(key)!r}" for key in settings if settings[key] != found.get(key)]
            raise EvaluationError(
                f"{self.path} holds a run with other settings ({', '.join(other)}). "
                "Choose another file with --out, or remove it."
            )
        for line in lines[1:]:
            data = _parsed(line)  # a line cut short by a kill is nothing: that question is asked again
            if data:
                try:
                    row = Row(**data)
                    for value in (*row.scores.values(), *row.costs.values()):
                        if not isinstance(value, int | float):
                            raise TypeError
                    self._keep(row)
                except (TypeError, AttributeError):
                    raise EvaluationError(f"{self.path} holds a line that is no result: {line[:80]}") from None
        return found

    @property
    def rows(self) -> list[Row]:
        """All results, in the order they first came."""
        return list(self._rows.values())

    @property
    def done(self) -> set[tuple[str, str]]:
        """(suite, id) of every result."""
        return set(self._rows)

    def add(self, row: Row) -> None:
        """Keep a result."""
        self._keep(row)
        self._write(asdict(row))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _keep(self, row: Row) -> None:
        self._rows[row.suite, row.id] = row

    def _write(self, data: dict[str, Any]) -> None:
        self._file.write(json.dumps(data, ensure_ascii=False) + "\n")
        self._file.flush()


def _parsed(line: str) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
