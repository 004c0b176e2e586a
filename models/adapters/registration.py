"""MultiLoRA's place in PEFT's tables: PEFT has a closed list of methods, this adds one member to it."""

from __future__ import annotations

from typing import Any

from peft.utils import PeftType, register_peft_method

NAME = "multilora"


def peft_type() -> PeftType:
    """The member ``PeftType.MULTILORA``, made if this version of PEFT does not have one.

    A bare string would do for PEFT's tables (they hash alike), but several places read ``.value``.
    """
    upper = NAME.upper()
    if upper in PeftType.__members__:
        return PeftType[upper]
    member = str.__new__(PeftType, upper)
    member._name_, member._value_ = upper, upper
    PeftType._member_names_.append(upper)
    PeftType._member_map_[upper] = member
    PeftType._value2member_map_[upper] = member
    type.__setattr__(PeftType, upper, member)
    return member


PEFT_TYPE = peft_type()


def register(config_cls: type[Any], model_cls: type[Any]) -> None:
    """Enter the method in PEFT's tables; the second call, and a PEFT that has the method itself, change nothing."""
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    if PEFT_TYPE not in PEFT_TYPE_TO_CONFIG_MAPPING:
        register_peft_method(name=NAME, config_cls=config_cls, model_cls=model_cls)
