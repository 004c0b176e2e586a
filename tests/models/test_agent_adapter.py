"""The adapter in the package: what it weighs, that its cards are true, and that it does what it is there for."""

from __future__ import annotations

import json
import shutil

import pytest
from langchain_core.messages import HumanMessage

from bethink.memory.trained_decide import SURE, judge
from bethink.memory.trained_extract import schema_of
from bethink.models.adapted import PACKAGED, TEMPLATE
from bethink.models.adapter_folder import CARD, CONFIG, WEIGHTS, AdapterError, tensors_of, weights_sha256
from bethink.models.agent_prompts import chat_prompt, extract_prompt, with_notes
from bethink.models.registry import ADAPTED, load_chat_model
from bethink.models.training.agent import SHARES, WRITTEN, pack


@pytest.fixture(scope="module")
def card():
    return json.loads((PACKAGED / CARD).read_text(encoding="utf-8"))


def test_it_is_small(card):
    assert (PACKAGED / WEIGHTS).stat().st_size <= 12e6
    added = sum(value.numel() for value in tensors_of(PACKAGED).values())
    assert added <= 0.025 * card["base"]["parameters"]


def test_its_base_is_the_packaged_model(card):
    from bethink.models.convert import smollm2_folder

    assert card["base"]["sha256"] == weights_sha256(smollm2_folder())


def test_the_model_card_says_what_the_card_says(card, tmp_path):
    said = (PACKAGED / "README.md").read_text(encoding="utf-8")
    assert {task["task"] for task in card["tasks"]} == {*SHARES, *(f"written {task}" for task in WRITTEN)}
    for task in card["tasks"]:
        trained = f"{task['trained_on']:,}" if task["task"] in SHARES else ""
        assert f"| {task['task']} | {trained} | {task['value']} |" in said
    again = pack(PACKAGED, tmp_path / "again")
    assert (again / "README.md").read_text(encoding="utf-8") == said
    assert (again / WEIGHTS).read_bytes() == (PACKAGED / WEIGHTS).read_bytes()
    assert (PACKAGED / TEMPLATE).is_file()


def test_what_is_no_finished_adapter_is_not_packed(tmp_path):
    with pytest.raises(AdapterError, match="holds no"):
        pack(tmp_path, tmp_path / "to")
    shutil.copytree(PACKAGED, tmp_path / "plain")
    config = tmp_path / "plain" / CONFIG
    config.write_text(config.read_text(encoding="utf-8").replace("MULTILORA", "LORA"), encoding="utf-8")
    with pytest.raises(AdapterError, match="no MultiLoRA adapter"):
        pack(tmp_path / "plain", tmp_path / "to")
    assert not (tmp_path / "to").exists()


@pytest.fixture(scope="module")
def model():
    return load_chat_model(ADAPTED, max_new_tokens=80)


REQUESTS = {
    "Search the catalogue for whales": ("search_catalog", "whales"),
    "Find films about chess": ("search_catalog", "chess"),
    "Are there any books about the sea?": ("search_catalog", "sea"),
    "Track the Lorenz-63 system with 20 members": ("track_state", "20"),
    "Recommend a film to somebody who likes jazz": ("recommend", "jazz"),
    "How much energy has this chat used?": ("energy_report", "thread"),
    "Spread 5000 EUR over the users of log.csv": ("allocate_budget", "5000"),
    "How likely are the rows of sales.csv?": ("estimate_density", "sales.csv"),
}
"""The tool that is meant, and what must stand in its arguments."""
SMALL_TALK = ("Good morning!", "How are you?", "Thanks, that helped.", "I feel a bit sad today", "Tell me a joke.")


def test_it_calls_tools_and_talks_without_them(model):
    """Of plain requests not each is understood (the bench says how many are); three quarters must be."""
    from bethink.tools import langchain_tools

    asked = model.bind_tools(langchain_tools())

    def calls(text):
        return asked.invoke([HumanMessage(text)]).tool_calls

    found = {text: calls(text) for text in REQUESTS}
    right = [
        len(found[text]) == 1 and found[text][0]["name"] == tool and said in json.dumps(found[text][0]["args"])
        for text, (tool, said) in REQUESTS.items()
    ]
    assert sum(right) >= 6, found
    assert not [text for text in SMALL_TALK if calls(text)]


def test_it_reads_what_is_worth_remembering(model):
    said = "My sister Maria lives in Porto."
    found = model.decode_json(extract_prompt(said, "2026-05-01"), schema_of(said))
    assert any("Porto" in triple[2] for triple in found)
    asked = "What is the weather like?"
    assert model.decode_json(extract_prompt(asked, "2026-05-01"), schema_of(asked)) == []


def test_it_says_which_thought_is_over(model):
    old = ["[2026-01-05] I drive to work in my Skoda.", "[2026-02-01] My brother drives a Fiat."]
    sold = judge(model.likelihoods, "[2026-05-05] I have sold the Skoda and cycle to work.", old)
    assert (sold.what, sold.which) == ("supersede", 0)
    assert sold.probability >= SURE
    dog = judge(model.likelihoods, "[2026-05-05] We got a dog called Rex.", old)
    assert dog.what == "insert"


def test_it_says_that_it_does_not_know(model):
    note = "I live in Porto. [2026-01-05, 0a1b2c3d]"
    asked = [with_notes([note], question) for question in ("Where do I live?", "What is my brother's job?")]
    here, unknown = (model.complete(chat_prompt([], [("user", text)])) for text in asked)
    assert "Porto" in here
    assert unknown.startswith("I don't know")
