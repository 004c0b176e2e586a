from __future__ import annotations

import pytest

from bethink.models.energy import Meter, Span, record
from bethink.models.energy.processor import Processor

pytest.importorskip("opentelemetry.sdk")


def test_records_arrive_as_spans_of_one_trace_without_any_text():
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from bethink.agents.otel import OtelExport

    meter = Meter(processor=Processor("made up", 4.0, "", False))
    with Span("smollm2", "turn", meter=meter) as turn:
        with Span("smollm2", "model", meter=meter) as model:
            model.tokens_in, model.tokens_out = 7, 3
        with pytest.raises(ValueError), Span("add", "tool", meter=meter) as tool:
            raise ValueError
    memory = InMemorySpanExporter()
    export = OtelExport(memory)
    export.send([record(model, tokens_avoided=-4), record(tool), record(turn)])
    export.close()
    sent = {span.name: span for span in memory.get_finished_spans()}
    assert set(sent) == {"turn smollm2", "model smollm2", "tool add"}
    parent = sent["turn smollm2"]
    assert f"{parent.context.trace_id:032x}" == turn.trace_id
    assert all(span.parent.span_id == parent.context.span_id for span in sent.values() if span is not parent)
    attributes = sent["model smollm2"].attributes
    assert attributes["gen_ai.usage.input_tokens"] == 7
    assert attributes["gen_ai.usage.output_tokens"] == 3
    assert attributes["gen_ai.operation.name"] == "chat"
    assert attributes["bethink.tokens_avoided"] == -4
    assert attributes["bethink.error_class"] == "estimated"
    assert "bethink.flops" not in attributes  # not known
    assert not sent["tool add"].status.is_ok
    assert sent["tool add"].end_time >= sent["tool add"].start_time


def test_a_missing_package_is_told_with_what_to_install(monkeypatch):
    import sys

    from bethink.agents.otel import OtelExport, OtelMissingError

    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(OtelMissingError, match=r"bethink\[otel\]"):
        OtelExport()
