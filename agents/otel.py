"""Records as OpenTelemetry spans, for whoever collects these. Off unless the settings say so.

Names are those of the GenAI conventions where they have any, ``bethink.`` before the others. There is no text of
messages, thoughts or arguments in them. Where to: the exporter's usual ``OTEL_EXPORTER_OTLP_...`` variables.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

OPERATIONS = {"turn": "invoke_agent", "model": "chat", "tool": "execute_tool"}
OWN = (
    "energy_j", "energy_backend", "error_class", "co2e_g", "ci_g_per_kwh", "ci_source", "flops", "t_cpu_s",
    "tokens_in_cached", "tokens_avoided", "would_overflow", "device",
)  # fmt: skip


class OtelMissingError(RuntimeError):
    """The packages for the export are not installed; the message says which to install."""


class OtelExport:
    """Sends records as they are kept.

    Args:
        exporter: where to; None sends them by OTLP over gRPC.

    Raises:
        OtelMissingError: the extra is not installed.
    """

    def __init__(self, exporter: SpanExporter | None = None) -> None:
        try:
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as problem:
            raise OtelMissingError("OpenTelemetry is not installed. Run: pip install 'bethink[otel]'") from problem
        self._provider = TracerProvider(resource=Resource.create({"service.name": "bethink"}))
        self._processor = BatchSpanProcessor(exporter or _otlp())

    def send(self, records: Iterable[dict[str, Any]]) -> None:
        """Queue some records; a collector that is away is the exporter's affair and delays nobody."""
        for each in records:
            self._processor.on_end(_span(each, self._provider.resource))

    def close(self) -> None:
        """Send what waits."""
        self._processor.shutdown()
        self._provider.shutdown()


def attributes(found: dict[str, Any]) -> dict[str, Any]:
    """A record's attributes; what is not known is left out."""
    kind = found["kind"]
    named: dict[str, Any] = {"bethink.kind": kind}
    if kind in OPERATIONS:
        named["gen_ai.operation.name"] = OPERATIONS[kind]
    if kind == "model":
        named |= {
            "gen_ai.request.model": found["name"],
            "gen_ai.usage.input_tokens": found["tokens_in"],
            "gen_ai.usage.output_tokens": found["tokens_out"],
        }
    if kind == "tool":
        named["gen_ai.tool.name"] = found["name"]
    return named | {f"bethink.{name}": found[name] for name in OWN if found[name] is not None}


def _span(found: dict[str, Any], resource: Any) -> Any:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

    def context(span_id: str) -> SpanContext:
        return SpanContext(
            int(found["trace_id"], 16), int(span_id, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED)
        )

    ended = round(datetime.fromisoformat(found["at"]).timestamp() * 1e9)
    return ReadableSpan(
        name=f"{found['kind']} {found['name']}".strip(),
        context=context(found["span_id"]),
        parent=context(found["parent_id"]) if found["parent_id"] else None,
        resource=resource,
        attributes=attributes(found),
        start_time=ended - round(found["t_wall_s"] * 1e9),
        end_time=ended,
        status=Status(StatusCode.OK if found["ok"] else StatusCode.ERROR),
    )


def _otlp() -> SpanExporter:
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    except ImportError as problem:
        raise OtelMissingError("The OTLP exporter is not installed. Run: pip install 'bethink[otel]'") from problem
    return OTLPSpanExporter()
