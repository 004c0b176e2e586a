"""What work costs: seconds, joules, grams of CO2e and floating-point operations, by nested spans.

A :class:`Span` is charged what its own threads used, a :class:`Meter` sees to it that nothing is charged twice and that
what nobody is charged for is known: the spans and the rest add up to the process, exactly.
"""

from bethink.models.energy.carbon import Carbon
from bethink.models.energy.flops import Shape
from bethink.models.energy.meter import Meter, Span, charged, current, process_meter
from bethink.models.energy.record import record

__all__ = ["Carbon", "Meter", "Shape", "Span", "charged", "current", "process_meter", "record"]
