"""``bethink eval green``: figures, a summary, a picture, and going on."""

from __future__ import annotations

import json
import sys

import pytest
from langchain_core.messages import AIMessage

from bethink.app.cli import main
from bethink.app.commands import evaluate_green
from tests.fake_chat import scripted


@pytest.fixture
def run(monkeypatch, capfd, tmp_path, fake_embedder):
    """The command in this process, in a folder of its own, with a scripted model."""
    monkeypatch.setattr("bethink.models.embedder.SentenceEmbedder", lambda: fake_embedder)
    monkeypatch.chdir(tmp_path)

    def call(*arguments, answers=("Porto",) * 60):
        model = scripted(*(AIMessage(answer) for answer in answers))
        monkeypatch.setattr(evaluate_green, "load_model", lambda settings, report: model)
        monkeypatch.setattr(sys, "argv", ["bethink", "eval", "green", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err
        return int(str(ended.value.code)), out, err

    return call


def test_json_a_summary_and_a_picture(run, tmp_path):
    code, out, _ = run("--limit", "4", "--policy", "recalled", "--policy", "no-memory", "--json")
    assert code == 0
    found = json.loads(out)
    assert [each["policy"] for each in found["setups"]] == ["recalled", "no-memory"]
    assert all(each["right"] == {**each["right"], "mean": 0.25, "count": 4} for each in found["setups"])
    assert json.loads((tmp_path / "eval-green.json").read_text())["setups"] == found["setups"]
    assert (tmp_path / "eval-green.png").read_bytes().startswith(b"\x89PNG")
    code, out, err = run("--limit", "4", "--policy", "recalled", "--policy", "no-memory", answers=())
    assert code == 0
    assert "8 results were already" in err
    assert "right per J" in out


def test_wrong_words_end_with_2(run, tmp_path):
    code, _, err = run("--policy", "magic")
    assert code == 2
    assert "Choose from: recalled" in err
    code, _, err = run("--data", "nowhere.jsonl")
    assert code == 2
    assert "nowhere.jsonl" in err
