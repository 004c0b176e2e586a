from __future__ import annotations

import pytest

from bethink.models.chat import ChatLocal
from bethink.models.embedder import MissingModelError
from bethink.models.registry import UnknownModelError, load_chat_model


@pytest.mark.parametrize(
    "spec", ["nosuch", " ", "hf:one", "hf:a/b/c", "openai:", "openai:http://x", "openai:ftp://x#m"]
)
def test_unknown_strings_list_the_known_forms(spec):
    with pytest.raises(UnknownModelError, match="smollm2"):
        load_chat_model(spec)


@pytest.mark.parametrize("spec", ["/no/such/model.gguf", "./nowhere", "~/no/such/folder/at/all"])
def test_missing_files_are_named(spec):
    with pytest.raises(MissingModelError, match="There is no"):
        load_chat_model(spec)


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(UnknownModelError, match=r"config\.json"):
        load_chat_model(str(tmp_path))


def test_a_hub_that_cannot_be_reached_is_a_sentence():
    model = load_chat_model("hf:nobody/nothing")
    with pytest.raises(MissingModelError, match="folder that holds the model"):
        _ = model.engine


def test_local_models_load_nothing_before_they_are_used():
    model = load_chat_model("smollm2")
    assert isinstance(model, ChatLocal)
    assert model._engine is None


def test_an_openai_server_is_a_chat_model():
    model = load_chat_model("openai:http://127.0.0.1:9/v1#some/model")
    assert model.model_name == "some/model"
    assert str(model.openai_api_base) == "http://127.0.0.1:9/v1"


def test_a_folder_of_the_default_model_works(smollm2):
    from langchain_core.messages import HumanMessage

    from bethink.models.convert import smollm2_folder

    model = load_chat_model(str(smollm2_folder()), max_new_tokens=8)
    assert "Paris" in model.invoke([HumanMessage("What is the capital of France?")]).text
