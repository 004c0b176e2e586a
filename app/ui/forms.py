"""Forms made of JSON schemas: a control for each argument, and back from what stands in it to the arguments."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import gradio as gr
from pydantic import ValidationError

Kind = Literal["flag", "choice", "choices", "number", "lines", "numbers", "json", "text", "file"]
FILES = frozenset({"upload", "log"})
"""Arguments that name an uploaded file."""
NO_FILE = "no file"
MIN_WIDTH = 240
"""Pixels of a control; as many stand beside each other as there is room for."""


class FormError(ValueError):
    """Some fields cannot be read; ``problems`` says why, by the field's name."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {why}" for name, why in problems.items()))
        self.problems = problems


@dataclass(frozen=True)
class Field:
    """One argument: what kind of control it has, what it may be, and what it is if nothing is said."""

    name: str
    kind: Kind
    description: str = ""
    default: Any = None
    required: bool = False
    whole: bool = False
    options: tuple[str, ...] = field(default=())
    bounds: str = ""

    @property
    def info(self) -> str:
        """What stands beside the control: what it means, and between which numbers it may lie."""
        return f"{self.description} ({self.bounds})" if self.bounds else self.description

    def shown(self, value: Any) -> Any:
        """What the control shows for an argument's value."""
        if self.kind in ("lines", "numbers"):
            return "\n".join(f"{each:g}" if isinstance(each, float) else str(each) for each in value or [])
        if self.kind == "json":
            return "" if value in (None, [], {}) else json.dumps(value, ensure_ascii=False, indent=1)
        if self.kind == "file":
            return value or NO_FILE
        if self.kind == "choices":
            return list(value or [])
        if self.optional:
            return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
        return "" if value is None and self.kind == "text" else value

    @property
    def optional(self) -> bool:
        """Whether it is a number that may be left out, which Gradio's control for numbers would show as 0."""
        return self.kind == "number" and self.default is None

    def read(self, shown: Any) -> Any:
        """The argument's value for what the control shows; None where nothing is said.

        Raises:
            ValueError: it cannot be read; a sentence says why.
        """
        match self.kind:
            case "flag":
                return bool(shown)
            case "number":
                if isinstance(shown, str):
                    return _number(shown) if shown.strip() else None
                return int(shown) if self.whole and isinstance(shown, float) and shown.is_integer() else shown
            case "lines":
                return [line.strip() for line in (shown or "").splitlines() if line.strip()] or None
            case "numbers":
                return [_number(part) for part in (shown or "").replace(",", " ").split()] or None
            case "json":
                return _json(shown or "")
            case "file":
                return None if shown in (None, "", NO_FILE) else shown
            case "choices":
                return list(shown or []) or None
            case _:
                return shown if shown not in (None, "") else None


def fields(schema: Mapping[str, Any]) -> list[Field]:
    """The fields of an object's JSON schema, in its order."""
    required = set(schema.get("required", ()))
    return [_field(name, part, name in required) for name, part in schema.get("properties", {}).items()]


def control(one: Field, files: Sequence[str] = (), **options: Any) -> Any:
    """The Gradio component of a field, showing its default. ``files``: the names a ``file`` field offers."""
    given: dict[str, Any] = {
        "label": one.name.replace("_", " "), "info": one.info, "value": one.shown(one.default),
        "min_width": MIN_WIDTH, **options,
    }  # fmt: skip
    match one.kind:
        case "flag":
            return gr.Checkbox(**given)
        case "choice":
            return gr.Dropdown(list(one.options), **given)
        case "choices":
            return gr.CheckboxGroup(list(one.options), **given)
        case "number" if not one.optional:
            return gr.Number(**given)  # its own bounds would end in a popup, far from the field
        case "file":
            return gr.Dropdown([NO_FILE, *files], **given)
        case "json" | "lines" | "numbers" | "number":
            placeholder = {"json": "JSON", "lines": "one a line", "numbers": "10, 20, 40", "number": "a number"}
            return gr.Textbox(lines=1, max_lines=8, placeholder=placeholder[one.kind], **given)
        case _:
            return gr.Textbox(**given)


def arguments(form: Sequence[Field], shown: Sequence[Any]) -> dict[str, Any]:
    """The arguments that a filled form means; what is as it would be anyway is left out.

    Raises:
        FormError: some fields cannot be read, or one that must be there is empty.
    """
    found: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for one, value in zip(form, shown, strict=True):
        try:
            read = one.read(value)
        except ValueError as why:
            problems[one.name] = str(why)
            continue
        if read is None:
            if one.required:
                problems[one.name] = "Fill this in."
        elif one.required or read != one.default:
            found[one.name] = read
    if problems:
        raise FormError(problems)
    return found


def problems_of(error: ValidationError) -> dict[str, str]:
    """What is wrong, by the name of the field it is wrong in (empty: of all together)."""
    found: dict[str, str] = {}
    for each in error.errors(include_url=False):
        name, *inside = each["loc"] or ("",)
        place = ".".join(str(part) for part in inside if not str(part).startswith(("list[", "dict[", "function-")))
        found.setdefault(str(name), f"{place}: {each['msg']}" if place else str(each["msg"]))
    return found


def marked(form: Sequence[Field], problems: Mapping[str, str]) -> list[Any]:
    """An update for each control: what is wrong stands before what it means."""
    return [gr.update(info=f"⚠️ {problems[one.name]} {one.info}" if one.name in problems else one.info) for one in form]


def _field(name: str, part: Mapping[str, Any], required: bool) -> Field:
    kinds = [each for each in part.get("anyOf", [part]) if each.get("type") != "null"]
    first = kinds[0]
    kind, items = first.get("type"), first.get("items", {})
    options = tuple(first.get("enum") or items.get("enum") or ())
    found: Kind = "json"
    if name in FILES and kind == "string":
        found = "file"
    elif len(kinds) > 1:
        found = "text" if {each.get("type") for each in kinds} <= {"number", "integer", "string"} else "json"
    elif kind == "boolean":
        found = "flag"
    elif kind in ("number", "integer"):
        found = "number"
    elif kind == "string":
        found = "choice" if options else "text"
    elif kind == "array" and options:
        found = "choices"
    elif kind == "array" and items.get("type") in ("number", "integer"):
        found = "numbers"
    elif kind == "array" and items.get("type") == "string":
        found = "lines"
    return Field(
        name, found, part.get("description", ""), part.get("default"), required, kind == "integer", options,
        _bounds(first) if found == "number" else "",
    )  # fmt: skip


def _bounds(part: Mapping[str, Any]) -> str:
    signs = {"exclusiveMinimum": "above", "minimum": "at least", "exclusiveMaximum": "below", "maximum": "at most"}
    return ", ".join(f"{sign} {part[key]:,.12g}" for key, sign in signs.items() if key in part)


def _number(text: str) -> float | int:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no number.") from None
    return int(value) if value.is_integer() else value


def _json(text: str) -> Any:
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as why:
        raise ValueError(f"This is no JSON ({why}).") from None
