"""A span as plain data, as it is shown, kept and exported."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bethink.models.energy.meter import Span

NUMBERS = (
    "t_wall_s", "t_cpu_s", "energy_j", "co2e_g", "ci_g_per_kwh", "flops",
    "tokens_in", "tokens_in_cached", "tokens_out", "tokens_avoided",
)  # fmt: skip
WORDS = ("trace_id", "span_id", "parent_id", "kind", "name", "energy_backend", "error_class", "ci_source", "device")
FLAGS = ("would_overflow", "ok")
FIELDS = ("at", *WORDS, *NUMBERS, *FLAGS)


def record(
    span: Span,
    *,
    device: str = "cpu",
    remote_j: float | None = None,
    tokens_avoided: int | None = None,
    would_overflow: bool = False,
) -> dict[str, Any]:
    """The record of an ended span: :data:`FIELDS`.

    Args:
        span: what was measured.
        device: where it ran; ``remote`` for a model on another machine, whose joules this machine cannot see.
        remote_j: what the remote model is taken to have used; None leaves ``energy_j`` out (None, not zero).
        tokens_avoided: see :mod:`bethink.agents.avoided`.
        would_overflow: whether the prompt with the whole dialogue would not have fitted.
    """
    meter = span.meter
    joules, backend, error = span.energy_j, meter.backend, meter.error_class
    if device == "remote":
        joules, backend, error = remote_j, "tokens", "estimated"  # type: ignore[assignment]
    return {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_id": span.parent.span_id if span.parent is not None else "",
        "kind": span.kind,
        "name": span.name,
        "energy_backend": backend,
        "error_class": error,
        "ci_source": meter.carbon.source,
        "device": device,
        "t_wall_s": span.wall_s,
        "t_cpu_s": span.cpu_s,
        "energy_j": joules,
        "co2e_g": meter.carbon.grams(joules),
        "ci_g_per_kwh": meter.carbon.ci_g_per_kwh,
        "flops": span.flops,
        "tokens_in": span.tokens_in,
        "tokens_in_cached": span.tokens_in_cached,
        "tokens_out": span.tokens_out,
        "tokens_avoided": tokens_avoided,
        "would_overflow": would_overflow,
        "ok": span.ok,
    }
