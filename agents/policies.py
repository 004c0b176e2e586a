"""Switches that spare energy, each with a name in the settings; what each brings is measured by ``bench green``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Policies:
    """How the agent spares work. Kept prefixes and number formats are the model's own: see the settings.

    Attributes:
        full_history: put the whole chat before the model, not only recalled thoughts and the last messages.
        repeat_answers: answer a prompt that was answered before, to the letter, without the model.
        think_after_s: think about finished turns when nobody has finished one for so many seconds, together.
        unload_after_min: let go of the model's weights after so many minutes without a turn; 0: never.
    """

    full_history: bool = False
    repeat_answers: bool = False
    think_after_s: float = 0.0
    unload_after_min: float = 0.0


AS_USUAL = Policies()
