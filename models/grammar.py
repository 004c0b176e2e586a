"""Decoding under a grammar: every emitted tool call is valid against its tool's JSON schema.

llguidance compiles the schema to a mask over the vocabulary. It was chosen for its one wheel without further
dependencies (xgrammar 0.2.8 installs triton); the speed of the two was not compared. Cost: one mask a token, linear in
the vocabulary.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

CALL_START, CALL_END = "<tool_call>", "</tool_call>"
MAX_STRING, MAX_ITEMS, MAX_INTEGER = 400, 32, 2**53
"""Bounds of strings, arrays and integers whose schema gives none: a small model can otherwise write without end."""


class GrammarError(ValueError):
    """The schema cannot be turned into a grammar; the message says which part."""


def tokenizer_for(tokenizer: Any) -> Any:
    """llguidance's view of a fast transformers tokenizer (takes about a second; keep it)."""
    import llguidance.hf

    return llguidance.hf.from_tokenizer(tokenizer)


def call_schema(tools: list[dict[str, Any]]) -> dict[str, Any]:
    """Schema of ``{"name": ..., "arguments": {...}}`` over OpenAI-style tool descriptions."""
    calls = []
    for tool in tools:
        function = tool.get("function", tool)
        arguments = function.get("parameters") or {
            "type": "object",
            "properties": {},
            "additionalProperties": False,
        }
        calls.append(
            {
                "type": "object",
                "properties": {"name": {"const": function["name"]}, "arguments": _bounded(arguments)},
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
        )
    return calls[0] if len(calls) == 1 else {"anyOf": calls}


class JsonConstraint:
    """Allows exactly the JSON texts of ``schema``; ``after`` is a literal that must follow (such as a closing tag)."""

    def __init__(self, schema: dict[str, Any], tokenizer: Any, *, after: str = "") -> None:
        from llguidance import LLMatcher

        self._tokenizer, self._hurried = tokenizer, False
        # no white space between members: fewer tokens, and no endless indentation from a small model
        guide = json.dumps({**_inline(schema), "x-guidance": {"whitespace_flexible": False}})
        tail = f" {json.dumps(after)}" if after else ""
        self._matcher = LLMatcher(tokenizer, LLMatcher.grammar_from_lark(f"start: value{tail}\nvalue: %json {guide}\n"))
        if self._matcher.is_error():
            raise GrammarError(f"This schema cannot constrain decoding: {self._matcher.get_error()}")

    @property
    def done(self) -> bool:
        """Whether the text is complete and nothing more may follow."""
        return bool(self._matcher.is_stopped())

    def mask(self, logits: torch.Tensor) -> None:
        """Set every forbidden token's logit to minus infinity, in place. logits: shape (vocab,)."""
        import torch

        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        allowed = np.unpackbits(bits, bitorder="little")[: logits.shape[-1]]
        if self._hurried and (best := _shortest_end(self._tokenizer, allowed)) is not None:
            allowed = np.zeros_like(allowed)
            allowed[best] = 1
        forbidden = torch.ones(logits.shape[-1], dtype=torch.bool)
        forbidden[: allowed.size] = torch.from_numpy(allowed == 0)
        logits.masked_fill_(forbidden.to(logits.device), float("-inf"))

    def accept(self, token: int) -> None:
        """Advance by one emitted token.

        Raises:
            GrammarError: the token was not allowed (it was not drawn from the masked logits).
        """
        if not self._matcher.consume_token(token):
            raise GrammarError(f"Token {token} is not allowed here: {self._matcher.get_error()}")

    def forced(self) -> list[int]:
        """The tokens that must follow whatever the model thinks; may be empty."""
        return list(self._matcher.compute_ff_tokens())

    def hurry(self) -> bool:
        """Allow only the shortest way to the end from here on; False when there is nothing left to end."""
        self._hurried = True
        return not self.done


class ToolTrigger:
    """Lets the model write freely until it writes ``<tool_call>``; from there on the call's grammar holds.

    ``forced_choice`` begins inside the call: the prompt already ends with the opening tag.
    """

    def __init__(
        self, tools: list[dict[str, Any]], tokenizer: Any, decode: Any, *, forced_choice: bool = False
    ) -> None:
        self._schema, self._tokenizer, self._decode = call_schema(tools), tokenizer, decode
        self._ids: list[int] = []
        self._json: JsonConstraint | None = self._start() if forced_choice else None

    def _start(self) -> JsonConstraint:
        return JsonConstraint(self._schema, self._tokenizer, after=CALL_END)

    @property
    def done(self) -> bool:
        """Whether a whole call has been written."""
        return self._json is not None and self._json.done

    @property
    def unfinished(self) -> bool:
        """Whether a call was begun that is not whole."""
        return self._json is not None and not self._json.done

    def mask(self, logits: torch.Tensor) -> None:
        """See :meth:`JsonConstraint.mask`; free text is not masked."""
        if self._json is not None:
            self._json.mask(logits)

    def accept(self, token: int) -> None:
        """See :meth:`JsonConstraint.accept`; notices the opening tag."""
        if self._json is not None:
            self._json.accept(token)
            return
        self._ids = [*self._ids[-12:], token]
        if self._decode(self._ids).endswith(CALL_START):
            self._json = self._start()

    def forced(self) -> list[int]:
        """See :meth:`JsonConstraint.forced`."""
        return self._json.forced() if self._json is not None else []

    def hurry(self) -> bool:
        """See :meth:`JsonConstraint.hurry`; free text may end anywhere."""
        return self._json is not None and self._json.hurry()


def _shortest_end(tokenizer: Any, allowed: np.ndarray) -> int | None:
    """The allowed token that ends a JSON text soonest; None when all of them are equally far from the end."""
    ranks, letter, in_string = _end_ranks(tokenizer)
    # a letter is allowed only within a string, where brackets are text and end nothing
    found = np.where(allowed[: ranks.size] != 0, in_string if allowed[letter] else ranks, np.inf)
    best = int(found.argmin())
    return best if np.isfinite(found[best]) else None


_ENDS = (
    r"[}\]]+",  # ends objects and arrays
    r"\"\"[}\]]*",  # an empty string
    r"(\[\]|\{\})[}\]]*",
    r"null",
    r"\"[}\]]*",  # ends or begins a string
    r",\"?",  # ends a number where something must follow
    r"[1-9]",  # not zeros: 0.000... never gets above zero
    r"0",
    r"[\[{.]",
)


@lru_cache(maxsize=4)
def _end_ranks(tokenizer: Any) -> tuple[np.ndarray, int, np.ndarray]:
    """(rank of every token outside a string, a letter's token, rank of every token within one); infinite: no end."""
    outside = np.full(tokenizer.vocab_size, np.inf, dtype=np.float32)
    within = outside.copy()
    letter = 0
    for token in range(tokenizer.vocab_size):
        text = tokenizer.decode_bytes([token]).decode("utf-8", "replace")
        letter = token if text == "z" else letter
        if text[:1] in ('"', "}", "]", "[", "{", ",", ".", "n") or text.isdigit():
            rank = next((rank for rank, form in enumerate(_ENDS) if re.fullmatch(form, text)), None)
            if rank is not None:
                outside[token] = rank - len(text) / 100
            if re.fullmatch(r"\"[}\]]*", text):
                within[token] = -len(text)
    return outside, letter, within


def _bounded(schema: Any) -> Any:
    """A copy in which strings, arrays and integers have bounds and objects no members beyond the named ones."""
    if isinstance(schema, list):
        return [_bounded(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {
        key: value if key in ("enum", "const", "default", "examples", "required") else _bounded(value)
        for key, value in schema.items()
    }
    kinds = copy.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if {"enum", "const"} & copy.keys():
        return copy
    if "string" in kinds and not {"pattern", "format", "maxLength"} & copy.keys():
        copy["maxLength"] = max(MAX_STRING, int(copy.get("minLength", 0)))
    if "array" in kinds:
        copy.setdefault("maxItems", max(MAX_ITEMS, int(copy.get("minItems", 0))))
    if "integer" in kinds and not {"minimum", "exclusiveMinimum"} & copy.keys():
        copy["minimum"] = -MAX_INTEGER
    if "integer" in kinds and not {"maximum", "exclusiveMaximum"} & copy.keys():
        copy["maximum"] = max(MAX_INTEGER, int(copy.get("minimum", copy.get("exclusiveMinimum", 0))) + 1)
    if "object" in kinds and isinstance(copy.get("properties"), dict) and "patternProperties" not in copy:
        copy.setdefault("additionalProperties", False)
    return copy


def _inline(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with ``$ref``s to ``$defs`` at any depth hoisted to the top, where llguidance looks for them."""
    found: dict[str, Any] = {}

    def walk(node: Any) -> Any:
        if isinstance(node, dict):
            found.update({name: walk(part) for name, part in node.get("$defs", {}).items()})
            return _above({key: walk(value) for key, value in node.items() if key != "$defs"})
        return [walk(item) for item in node] if isinstance(node, list) else node

    body = walk(schema)
    return {**body, "$defs": found} if found else body


def _above(schema: dict[str, Any]) -> dict[str, Any]:
    """llguidance 1.9.1 lets n itself through where a number must lie between n and n + 1: a bound just above n then."""
    low = schema.get("exclusiveMinimum")
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if not isinstance(low, int | float) or not isinstance(high, int | float) or not low < high < low + 1:
        return schema
    rest = {key: value for key, value in schema.items() if key != "exclusiveMinimum"}
    return {**rest, "minimum": low + (high - low) * 1e-6}
