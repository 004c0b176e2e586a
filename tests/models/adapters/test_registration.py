"""The method's place in PEFT's closed list, also in a fresh interpreter."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys

import pytest
from peft import PeftMixedModel, PeftType, get_peft_model
from peft.mapping import (
    PEFT_TYPE_TO_CONFIG_MAPPING,
    PEFT_TYPE_TO_MIXED_MODEL_MAPPING,
    PEFT_TYPE_TO_PREFIX_MAPPING,
    PEFT_TYPE_TO_TUNER_MAPPING,
)

from bethink.models.adapters import MultiLoraConfig, MultiLoraModel
from bethink.models.adapters.registration import PEFT_TYPE, peft_type, register
from tests.models.adapters.tiny import Mlp, adapted, tuning


def test_the_member_is_a_whole_one():
    member = PeftType.MULTILORA
    assert member is PEFT_TYPE is PeftType("MULTILORA") is PeftType["MULTILORA"]
    assert member in list(PeftType)
    assert (member.name, member.value, str.__str__(member)) == ("MULTILORA", "MULTILORA", "MULTILORA")
    assert member == "MULTILORA"
    assert hash(member) == hash("MULTILORA")
    assert "MULTILORA" in repr(member)
    assert copy.deepcopy(member) is member
    assert pickle.loads(pickle.dumps(member)) is member
    assert PeftType.LORA in list(PeftType), "the others stay"
    with pytest.raises(ValueError, match="NOSUCH"):
        PeftType("NOSUCH")


def test_it_is_in_all_of_pefts_tables():
    assert PEFT_TYPE_TO_CONFIG_MAPPING[PEFT_TYPE] is MultiLoraConfig
    assert PEFT_TYPE_TO_TUNER_MAPPING["MULTILORA"] is MultiLoraModel
    assert PEFT_TYPE_TO_PREFIX_MAPPING[PEFT_TYPE] == MultiLoraModel.prefix == "multilora_"


def test_registering_twice_changes_nothing():
    before = len(list(PeftType))
    register(MultiLoraConfig, MultiLoraModel)
    assert peft_type() is PEFT_TYPE
    assert len(list(PeftType)) == before


def test_a_peft_that_has_the_method_itself_keeps_its_own(monkeypatch):
    monkeypatch.setitem(PEFT_TYPE_TO_CONFIG_MAPPING, PEFT_TYPE, dict)
    register(MultiLoraConfig, MultiLoraModel)
    assert PEFT_TYPE_TO_CONFIG_MAPPING[PEFT_TYPE] is dict


def test_pefts_mixed_model_refuses_it():
    """PEFT's mixed model names its methods one by one, so a method from outside cannot join (nor can PEFT's HiRA)."""
    assert PEFT_TYPE not in PEFT_TYPE_TO_MIXED_MODEL_MAPPING
    with pytest.raises(ValueError, match="MULTILORA"):
        get_peft_model(Mlp(), tuning(target_modules=["lin0"]), mixed=True)
    with pytest.raises(ValueError, match="MULTILORA"):
        PeftMixedModel(Mlp(), tuning(target_modules=["lin0"]))


def test_where_the_package_is_not_imported_the_adapter_is_refused_by_name(tmp_path):
    """PEFT looks the method up by its name in the file: without ``import bethink.models.adapters`` it is a KeyError."""
    adapted(Mlp(), target_modules=["lin0"]).save_pretrained(str(tmp_path))
    code = (
        "import sys\n"
        "from peft import PeftConfig\n"
        "try: PeftConfig.from_pretrained(sys.argv[1])\n"
        "except KeyError as error: print('KeyError', error)\n"
        "assert not any(name.startswith('bethink') for name in sys.modules)\n"
        "import bethink.models.adapters\n"
        "print(type(PeftConfig.from_pretrained(sys.argv[1])).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, env={**os.environ}, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("KeyError")
    assert "MULTILORA" in done.stdout.splitlines()[0]
    assert done.stdout.splitlines()[1] == "MultiLoraConfig"
