"""What the tabs Tools, Adapters, Energy and Settings show, without a browser (with one: test_browser_tabs)."""

from __future__ import annotations

import base64
import json
import threading

import pytest

from bethink.agents.hand_call import HandCall
from bethink.app.settings import load_settings
from bethink.app.ui import adapters, energy, energy_plot, settings, tools
from tests.agents.fakes import ADD, make_agent
from tests.models.training.conftest import settings_file, tiny_base  # noqa: F401  (fixtures)

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def used(tmp_path):
    """An agent that answered twice and was asked for a sum by hand."""
    agent = make_agent(tmp_path, "One.", "Two.")
    thread = agent.threads.create("ann").id
    for said in ("First?", "Second?"):
        list(agent.stream(said, user_id="ann", thread_id=thread))
    HandCall(agent, ADD, {"a": 1}, "ann", threading.Event()).wait(60)
    yield agent
    agent.close()


def test_energy_by_kind_and_day(used):
    totals, kinds = used.ledger.total("ann"), used.ledger.per_kind("ann")
    shown = energy.sums_table(totals, kinds)
    assert '<th scope="row">model</th>' in shown
    assert '<th scope="row">tool</th>' in shown
    assert "(estimated)" in shown
    assert energy.sums_table([], []) == energy.NOTHING
    days = energy_plot.joules_by_day(used.ledger.records("ann"))
    (kinds_of_day,) = days.values()
    assert sum(kinds_of_day.values()) == pytest.approx(sum(each["energy_j"] for each in totals))


def test_the_picture_is_a_png_with_words(used):
    source, words = energy_plot.draw(used.ledger.records("ann"))
    assert base64.b64decode(source.removeprefix("data:image/png;base64,")).startswith(b"\x89PNG")
    assert "joules on 1 days" in words
    assert energy.pictured([]) == ""


def test_net_avoided_counts_what_the_memory_spent():
    def row(kind, avoided=None, tokens=0):
        return {"kind": kind, "tokens_avoided": avoided, "tokens_in": tokens, "tokens_out": 0}

    records = [row("model", -20), row("memory", tokens=5), row("turn", -20), row("model", 100), row("tool")]
    assert energy_plot.net_avoided(records) == [-20, -25, 75]


def test_measured_and_estimated_joules_are_never_added():
    base = {"co2e_g": 1.0, "t_cpu_s": 1.0, "tokens_in": 1, "tokens_in_cached": 0, "tokens_out": 1}
    rows = [
        {**base, "error_class": kind, "energy_j": joules, "tokens_avoided_net": None}
        for kind, joules in (("estimated", 2.0), ("measured", 40.0))
    ]
    shown = energy.sums_table(rows, [])
    assert "≈ 2 J (estimated)" in shown
    assert "40 J (measured)" in shown
    assert "42" not in shown


def test_switches_say_what_they_did_in_these_chats():
    totals = [{"tokens_in": 100, "tokens_in_cached": 60, "tokens_avoided": 40}]
    shown = energy.switch_table(load_settings(), totals)
    assert "140 prompt tokens with the whole chat, 100 as it is" in shown
    assert "100 tokens to read without, 40 as it is" in shown
    assert "as it is" not in energy.switch_table(load_settings(), [])


def test_secrets_are_not_shown(monkeypatch):
    monkeypatch.setenv("BETHINK_CHECKPOINTS", "postgresql://ann:sesame@127.0.0.1/x")
    servers = {"files": {"command": "x", "env": {"KEY": "sesame"}}}
    found = load_settings(mcp_servers=servers)
    shown = settings.others_table(found, dict.fromkeys(type(found).model_fields, "default"), shared=True)
    assert "sesame" not in shown
    assert "set (not shown)" in shown
    assert "files" in shown


def test_what_a_tool_says_is_text(tmp_path):
    picture = tmp_path / 'a"b.png'
    picture.write_bytes(b"x")
    plot = {"path": str(picture), "title": HOSTILE, "alt": f'"{HOSTILE}'}
    files = [{"path": str(picture), "title": HOSTILE}, {"path": str(tmp_path / "gone"), "title": "gone"}]
    shown = tools.shown_result({"summary": HOSTILE, "plots": [plot], "files": files})
    assert "<img src=x" not in shown
    assert shown.count("<img ") == 1
    assert "gone" not in shown
    assert HOSTILE not in tools.said(HOSTILE) + tools.bar(2.0, HOSTILE)


def test_adapters_are_those_of_the_folder_and_no_others(settings_file, tmp_path):  # noqa: F811
    from bethink.models.training.run import train_adapter
    from bethink.models.training.settings import read_settings

    place = tmp_path / "adapters"
    train_adapter(read_settings(settings_file), place / "letters")
    folder = adapters.folder_of(place, "letters")
    assert folder == place / "letters"
    for name in (None, "", "..", "../adapters/letters", str(folder), "none"):
        assert adapters.folder_of(place, name) is None
    shown = adapters.report(folder)
    assert "multilora" in shown
    assert "data:image/png;base64," in shown
    assert "right, held out" in shown
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "MULTILORA"}), encoding="utf-8")
    assert "do not belong together" in adapters.report(folder)
