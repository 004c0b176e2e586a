"""The models that are compared, and the sets."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from bethink.models.registry import ADAPTED, BASE, load_chat_model

DATA = Path(__file__).with_name("data")
OURS = ADAPTED
T = TypeVar("T")


def names() -> list[str]:
    """Ours, its base, and what ``BETHINK_AGENT_MODELS`` names."""
    more = [name.strip() for name in os.environ.get("BETHINK_AGENT_MODELS", "").split(",") if name.strip()]
    return [OURS, BASE, *more]


def open_model(name: str, max_new_tokens: int = 200) -> Any:
    """A model, told on the screen."""
    print(f"  {name}", file=sys.stderr, flush=True)
    return load_chat_model(name, max_new_tokens=max_new_tokens)


def rows(name: str) -> list[dict[str, Any]]:
    """The lines of a set, or so many of them as ``LIMIT`` says."""
    text = (DATA / f"{name}.jsonl").read_text(encoding="utf-8")
    return evenly([json.loads(line) for line in text.splitlines() if line.strip()])


def evenly(items: Sequence[T]) -> list[T]:
    """All, or ``LIMIT`` of them, evenly spaced."""
    limit = int(os.environ.get("LIMIT", len(items)))
    return list(items) if limit >= len(items) else [items[i * len(items) // limit] for i in range(limit)]


def percent(rights: Sequence[bool]) -> float | None:
    """The share of True, in percent; None of nothing."""
    return 100 * sum(rights) / len(rights) if rights else None
