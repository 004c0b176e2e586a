"""Just enough of the ONNX file format to hand a graph to onnxruntime, without the ``onnx`` package.

An ONNX model is one protocol buffer; the field numbers below are those of the published ``onnx.proto`` (IR version 10).
A message is bytes, so parts are simply joined.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

MICROSOFT = "com.microsoft"
"""Domain of onnxruntime's own fused operators."""
FLOAT, UINT8, INT32 = 1, 2, 6
_TYPES = {np.dtype("float32"): FLOAT, np.dtype("uint8"): UINT8, np.dtype("int32"): INT32}


def varint(value: int) -> bytes:
    """A non-negative integer in base 128, least part first; negatives as 64-bit two's complement."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def _bytes(field: int, value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(raw)) + raw


def _attribute(name: str, value: int | float) -> bytes:
    if isinstance(value, float):
        return _bytes(1, name) + varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, 1)
    return _bytes(1, name) + _number(3, value) + _number(20, 2)


def _shape(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    sizes = b"".join(_bytes(1, _number(1, size) if isinstance(size, int) else _bytes(2, size)) for size in shape)
    return _bytes(1, name) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, sizes)))


class Graph:
    """A graph under construction; every method that adds an operator returns the name of its first output."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def node(
        self, op: str, inputs: Sequence[str], outputs: Sequence[str], domain: str = "", **attributes: int | float
    ) -> str:
        """Add an operator; an empty name leaves out an optional input or output."""
        body = b"".join(_bytes(1, name) for name in inputs) + b"".join(_bytes(2, name) for name in outputs)
        body += _bytes(3, outputs[0]) + _bytes(4, op)
        body += b"".join(_bytes(5, _attribute(name, value)) for name, value in attributes.items())
        self._parts.append(_bytes(1, body + _bytes(7, domain)))
        return outputs[0]

    def constant(self, name: str, array: np.ndarray) -> str:
        """Add an array (float32, uint8 or int32)."""
        body = b"".join(_number(1, size) for size in array.shape) + _number(2, _TYPES[array.dtype])
        self._parts.append(_bytes(5, body + _bytes(8, name) + _bytes(9, np.ascontiguousarray(array).tobytes())))
        return name

    def input(self, name: str, kind: int, shape: Sequence[int | str]) -> str:
        """Declare an input; a string in ``shape`` is a size known only when it runs."""
        self._parts.append(_bytes(11, _shape(name, kind, shape)))
        return name

    def output(self, name: str, kind: int, shape: Sequence[int | str]) -> str:
        """Declare an output."""
        self._parts.append(_bytes(12, _shape(name, kind, shape)))
        return name

    def serialize(self) -> bytes:
        """The model file's bytes."""
        graph = _bytes(2, "bethink") + b"".join(self._parts)
        sets = [_bytes(1, "") + _number(2, 21), _bytes(1, MICROSOFT) + _number(2, 1)]
        return _number(1, 10) + _bytes(7, graph) + b"".join(_bytes(8, one) for one in sets)
