from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethink.models.onnx_graph import FLOAT, INT32, Graph, varint


@given(value=st.integers(0, 2**63 - 1))
def test_a_varint_reads_back(value):
    raw = varint(value)
    assert all(byte & 128 for byte in raw[:-1])
    assert not raw[-1] & 128
    assert sum((byte & 127) << (7 * place) for place, byte in enumerate(raw)) == value


def test_negatives_are_64_bit_twos_complement():
    assert varint(-1) == b"\xff" * 9 + b"\x01"


@given(columns=st.integers(1, 5), scale=st.floats(-2, 2, width=32))
def test_onnxruntime_runs_what_is_written(columns, scale):
    import onnxruntime

    weight = np.arange(3 * columns, dtype=np.float32).reshape(3, columns)
    graph = Graph()
    graph.input("x", FLOAT, ["rows", 3])
    graph.constant("w", weight)
    graph.constant("shift", np.full(1, scale, np.float32))
    # an integer attribute, a float attribute, a size known late, an optional input
    graph.node("Gemm", ["x", "w", "shift"], ["sum"], alpha=0.5, transB=0)
    graph.output("sum", FLOAT, ["rows", columns])
    session = onnxruntime.InferenceSession(graph.serialize(), providers=["CPUExecutionProvider"])
    x = np.array([[1, 2, 3], [0, 1, -1]], np.float32)
    assert np.allclose(session.run(None, {"x": x})[0], 0.5 * x @ weight + np.float32(scale), atol=1e-5)


def test_a_wrong_graph_is_refused():
    import onnxruntime

    graph = Graph()
    graph.input("x", INT32, [1])
    graph.output("y", INT32, [1])
    graph.node("NoSuchOperator", ["x"], ["y"])
    with pytest.raises(Exception, match="NoSuchOperator"):
        onnxruntime.InferenceSession(graph.serialize(), providers=["CPUExecutionProvider"])
    with pytest.raises(KeyError):
        graph.constant("double", np.zeros(1))
