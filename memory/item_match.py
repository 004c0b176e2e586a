"""Which items a search means: filters on values, and patterns of namespaces, by LangGraph's rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import ge, gt, le, lt
from typing import Any

_ORDER: dict[str, Callable[[Any, Any], bool]] = {"$gt": gt, "$gte": ge, "$lt": lt, "$lte": le}


def fits_filter(value: Any, wanted: Any) -> bool:
    """Whether a value fits a filter: equal, or by ``$eq``, ``$ne``, ``$gt``, ``$gte``, ``$lt``, ``$lte``.

    Dictionaries are compared field by field (more fields may be there), lists item by item. Orders compare numbers
    (numbers written as strings too) or else two strings, as dates are; whatever has no order does not fit.

    Raises:
        ValueError: an operator that does not exist.
    """
    if isinstance(wanted, Mapping):
        if any(str(name).startswith("$") for name in wanted):
            return all(_operator(value, name, operand) for name, operand in wanted.items())
        return isinstance(value, Mapping) and all(fits_filter(value.get(name), want) for name, want in wanted.items())
    if isinstance(wanted, list | tuple):
        return (
            isinstance(value, list | tuple)
            and len(value) == len(wanted)
            and all(fits_filter(one, want) for one, want in zip(value, wanted, strict=True))
        )
    return value == wanted


def fits_path(namespace: Sequence[str], path: Sequence[str], kind: str) -> bool:
    """Whether a namespace starts (``prefix``) or ends (``suffix``) with a path, in which ``*`` stands for any label.

    Raises:
        ValueError: another kind of match.
    """
    if kind not in ("prefix", "suffix"):
        raise ValueError(f"Namespaces are matched by prefix or suffix, not by {kind!r}.")
    if len(namespace) < len(path):
        return False
    part = namespace[: len(path)] if kind == "prefix" else namespace[len(namespace) - len(path) :]
    return all(want in ("*", label) for label, want in zip(part, path, strict=True))


def _operator(value: Any, name: str, operand: Any) -> bool:
    if name == "$eq":
        return value == operand
    if name == "$ne":
        return value != operand
    if name not in _ORDER:
        raise ValueError(f"There is no operator {name!r} in filters; use $eq, $ne, $gt, $gte, $lt or $lte.")
    try:
        return _ORDER[name](float(value), float(operand))
    except (TypeError, ValueError):
        return isinstance(value, str) and isinstance(operand, str) and _ORDER[name](value, operand)
