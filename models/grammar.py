"""Decoding under a grammar: every emitted tool call is valid against its tool's JSON schema.

llguidance compiles the schema to a mask over the vocabulary. Tried with the same schemas and tokenizer, xgrammar 0.2.8
needed triton (200 MB) and a C++ compiler for its fast mask, outlines 1.3.3 sits on top of either; llguidance is one
small wheel. Cost: one mask a token, linear in the vocabulary.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

CALL_START, CALL_END = "<tool_call>", "</tool_call>"
MAX_STRING = 400
"""Longest string a constrained call may hold: a small model can otherwise write one without end."""


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
        allowed = np.unpackbits(bits, bitorder="little")[: logits.shape[-1]].astype(bool)
        forbidden = torch.ones(logits.shape[-1], dtype=torch.bool)
        forbidden[: allowed.size] = torch.from_numpy(~allowed)
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


def _bounded(schema: Any) -> Any:
    """A copy in which every free string has a longest length."""
    if isinstance(schema, dict):
        copy = {key: _bounded(value) for key, value in schema.items()}
        if copy.get("type") == "string" and not {"enum", "const", "pattern", "format", "maxLength"} & copy.keys():
            copy["maxLength"] = MAX_STRING
        return copy
    return [_bounded(item) for item in schema] if isinstance(schema, list) else schema


def _inline(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with ``$ref``s to ``$defs`` at any depth hoisted to the top, where llguidance looks for them."""
    found: dict[str, Any] = {}

    def walk(node: Any) -> Any:
        if isinstance(node, dict):
            found.update({name: walk(part) for name, part in node.get("$defs", {}).items()})
            return {key: walk(value) for key, value in node.items() if key != "$defs"}
        return [walk(item) for item in node] if isinstance(node, list) else node

    body = walk(schema)
    return {**body, "$defs": found} if found else body
