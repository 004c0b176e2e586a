"""``bethink eval tools``: a table or JSON, a summary beside the run's file, Ctrl-C and going on."""

import json
import signal
import sys

import pytest
from langchain_core.messages import AIMessage

from bethink.app.cli import main
from bethink.app.commands import evaluate_tools
from tests.fake_chat import calls, scripted

LINES = [
    {
        "id": "1",
        "text": "Coupons for 5000",
        "tool": "allocate_budget",
        "arguments": {"budget": 5000},
        "tags": ["money"],
    },
    {"id": "2", "text": "Hello", "tool": None, "tags": ["chat"]},
    {"id": "3", "text": "Track something", "tool": "track_state"},
    {"id": "4", "text": "Bye", "tool": None},
]
SCRIPT = (calls("allocate_budget", {"budget": 5000}), AIMessage("Hello!"), calls("recommend", {}), AIMessage("Bye!"))


@pytest.fixture
def run(monkeypatch, capfd, tmp_path, fake_embedder):
    """The command in this process, in a folder of its own, with a scripted model."""
    monkeypatch.setattr("bethink.models.embedder.SentenceEmbedder", lambda: fake_embedder)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "asked.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES), encoding="utf-8")

    def call(*arguments, script=SCRIPT):
        model = script if not isinstance(script, tuple) else scripted(*script)
        monkeypatch.setattr(evaluate_tools, "load_model", lambda settings, report: model)
        monkeypatch.setattr(sys, "argv", ["bethink", "eval", "tools", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err
        return int(str(ended.value.code)), out, err

    return call


def test_json_holds_the_figures_and_a_file_keeps_them(run, tmp_path):
    code, out, _ = run("--data", "asked.jsonl", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["settings"] == {"data": ["asked.jsonl"], "model": "bethink", "limit": None}
    assert found["scores"]["right"]["mean"] == 0.75
    assert found["scores"]["called"]["mean"] == 0.5
    assert found["scores"]["silent"] == {"mean": 1.0, "low": 0.3424, "high": 1.0, "count": 2}
    assert found["by_tool"]["track_state"]["tool"]["mean"] == 0
    assert found["by_tag"]["money"]["arguments"]["mean"] == 1
    assert found["cancelled"] is False
    assert json.loads((tmp_path / "eval-tools-asked.json").read_text(encoding="utf-8")) == found
    assert len((tmp_path / "eval-tools-asked.jsonl").read_text(encoding="utf-8").splitlines()) == 1 + len(LINES)


def test_a_table_for_people(run):
    code, out, _ = run("--data", "asked.jsonl")
    assert code == 0
    for word in ("right tool, where one is needed", "50.0", "track_state", "money", "75.0"):
        assert word in out


def test_a_run_that_is_there_is_not_asked_again(run):
    run("--data", "asked.jsonl")
    code, out, err = run("--data", "asked.jsonl", "--json", script=())
    assert code == 0
    assert json.loads(out)["scores"]["right"]["count"] == 4
    assert "4 results were already in" in err
    code, _, err = run("--data", "asked.jsonl", "--limit", "2")
    assert code == 2
    assert "other settings" in err


def test_ctrl_c_keeps_what_was_done(run):
    class Stopped(type(scripted())):
        def _generate(self, *arguments, **more):
            if len(self.seen) == 1:
                signal.raise_signal(signal.SIGINT)
            return super()._generate(*arguments, **more)

    model = Stopped(messages=iter(SCRIPT), seen=[], bound=[])
    code, _, err = run("--data", "asked.jsonl", "--json", script=model)
    assert code == 130
    assert "the same command goes on" in err
    code, out, err = run("--data", "asked.jsonl", "--json", script=SCRIPT[2:])
    assert code == 0
    assert "2 results were already in" in err
    assert json.loads(out)["scores"]["right"]["mean"] == 0.75


def test_limit_out_and_several_files(run, tmp_path):
    other = [{**line, "id": f"{line['id']}b"} for line in LINES]
    (tmp_path / "more.jsonl").write_text("".join(json.dumps(line) + "\n" for line in other), encoding="utf-8")
    code, out, _ = run(
        "--data", "asked.jsonl", "--data", "more.jsonl", "--limit", "2", "--out", "sub/here.jsonl", "--json",
        script=(SCRIPT[0], SCRIPT[0]),
    )  # fmt: skip
    found = json.loads(out)
    assert code == 0
    assert (found["scores"]["right"]["count"], found["scores"]["right"]["mean"]) == (2, 1)
    assert (tmp_path / "sub" / "here.json").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "--data FILE"),
        (("--data", "nowhere.jsonl"), "There is no nowhere.jsonl"),
        (("--data", "asked.jsonl", "--backbone", "none"), "--backbone"),
        (("--data", "asked.jsonl", "--data", "asked.jsonl"), "same name"),
    ],
)
def test_what_cannot_be_done_is_told_with_what_to_do(run, arguments, told):
    code, _, err = run(*arguments)
    assert code == 2
    assert told in " ".join(err.split())
