from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethink.agents.threads import Message
from bethink.app.ui import render

RECALL = {
    "kind": "Recall",
    "thoughts": [{"id": "a", "text": "a | b", "score": 0.5, "date": "2026-11-23"}],
    "seconds": 0,
}
START = {"kind": "ToolStart", "call_id": "c", "name": "add", "arguments": {"a": 1}}
USAGE = {
    "kind": "Usage",
    "tokens_in": 10,
    "tokens_in_cached": 4,
    "tokens_out": 3,
    "seconds": 1.23,
    "first_token_s": 0.5,
    "cpu_s": 2.0,
    "energy_j": 8.04,
    "energy_backend": "cputime (estimated)",
}


def message(
    role: str, text: str = "", status: str = "complete", events: list | None = None, turn: str = "t"
) -> Message:
    return Message("m", turn, role, text, status, "2026-11-23", events or [])


def end(ok: bool = True, **result: object) -> dict:
    return {"kind": "ToolEnd", "call_id": "c", "name": "add", "result": result, "seconds": 0.2, "ok": ok}


def titles(shown: list) -> list[str]:
    return [item["metadata"]["title"] for item in shown if "metadata" in item]


def test_an_answer_with_everything_in_order():
    changes = {"kind": "MemoryWrite", "changes": [{"op": "insert", "id": "x", "text": "T.", "reason": ""}]}
    events = [RECALL, START, end(total=2, summary="2"), USAGE, changes]
    shown = render.answer(events, "Two.")
    expected = ["Recalled 1 thought", "Tool: add", "10 in (4 kept) · 3 out · 1.2 s · ≈ 8 J", "Remembered 1 thought"]
    assert titles(shown) == expected
    assert [item["content"] for item in shown if "metadata" not in item] == ["Two."]
    assert "| a \\| b | 0.50 | 2026-11-23 |" in shown[0]["content"]


def test_a_running_tool_is_pending_and_a_dead_one_is_not():
    assert render.answer([START], "", "running")[0]["metadata"]["status"] == "pending"
    assert render.answer([START], "", "interrupted")[0]["metadata"]["status"] == "done"


def test_who_waits_is_told_how_many_come_before():
    assert [each["content"] for each in render.answer([], "", "running", ahead=2)] == [
        "*Waiting: 2 answers before this one.*"
    ]
    assert render.answer([], "", "running")[0]["content"] == "…"
    assert render.answer([], "Yes.", "running", ahead=2)[0]["content"] == "Yes."


def test_a_failed_tool_says_why_once():
    failed = end(False, error={"code": "limit", "message": "Too big.", "hint": "Ask for less."})
    shown = render.answer([START, failed], "I could not do it.")
    assert sum("Too big." in str(item["content"]) and "metadata" not in item for item in shown) == 1
    again = render.answer([START, failed], "Too big. Ask for less.")
    assert sum("Too big." in str(item["content"]) and "metadata" not in item for item in again) == 1


def test_plots_stand_below_their_card(tmp_path):
    picture = tmp_path / "p.png"
    picture.write_bytes(b"png")
    plots = [{"path": str(picture), "title": "T", "alt": "what it shows"}, {"path": "/gone", "title": "G", "alt": ""}]
    shown = render.answer([START, end(summary="s", plots=plots)], "Done.")
    assert shown[1]["content"] == {"path": str(picture), "alt_text": "what it shows"}
    assert "no longer on disk" in shown[2]["content"]
    assert "plots" not in shown[0]["content"]


def test_a_running_tool_says_how_far_it_is():
    shown = render.answer([START], "", "running", {"c": (0.256, "Training *hard*")})
    assert shown[1]["content"] == "*Training \\*hard\\* · 26 %*"
    assert "26 %" not in str(render.answer([START, end(summary="s")], "", "running", {"c": (0.256, "Training")}))
    assert "26 %" not in str(render.answer([START], "", "cancelled", {"c": (0.256, "Training")}))
    assert render.answer([START], "", "running", {"other": (0.5, "x")}) == render.answer([START], "", "running")


def test_files_are_links_with_their_size(tmp_path):
    kept = tmp_path / "new rows (1).csv"
    kept.write_bytes(b"x" * 2_345_678)
    files = [{"path": str(kept), "title": "Generated [rows]"}, {"path": "/gone.csv", "title": "G"}]
    shown = render.answer([START, end(summary="s", files=files)], "Done.")
    link, gone = shown[1]["content"].split("\n")
    assert link.startswith("- [Generated \\[rows\\]](/gradio_api/file=")
    assert link.endswith("new%20rows%20%281%29.csv), 2.3 MB")
    assert "no longer on disk" in gone
    assert "files" not in shown[0]["content"]


def test_unfinished_turns_say_what_to_do():
    for status in ("interrupted", "cancelled", "failed"):
        shown = render.answer([], "half", status)
        assert any("retry" in str(item["content"]).lower() for item in shown)


def test_turns_follow_history():
    messages = [message("user", "a", turn="1"), message("assistant", "b", events=[RECALL, USAGE], turn="1")]
    messages += [message("user", "c", turn="2"), message("assistant", "", "running", turn="2")]
    shown, turns = render.history(messages), render.turns(messages)
    assert len(shown) == len(turns)
    assert [turn for turn, item in zip(turns, shown, strict=True) if item["role"] == "user"] == ["1", "2"]


@given(text=st.text(max_size=200))
def test_no_text_escapes_its_cell(text):
    made = render.cell(text)
    assert "\n" not in made
    assert "<" not in made
    assert "|" not in made.replace("\\|", "")


def test_markup_of_the_user_is_shown_not_run():
    assert render.user("<img src=x onerror=alert(1)>")["content"] == "&lt;img src=x onerror=alert(1)&gt;"


def test_an_edit_finds_its_turn_though_a_card_came_late():
    told = [message("user", "a", turn="1"), message("assistant", "b", events=[USAGE], turn="1")]
    seen = render.history([*told, message("user", "c", turn="2"), message("assistant", "d", turn="2")])
    late = {"kind": "MemoryWrite", "changes": [{"op": "insert", "id": "x", "text": "T.", "reason": ""}]}
    told[1].events.append(late)
    now = [*told, message("user", "c", turn="2"), message("assistant", "d", turn="2")]
    place = [n for n, item in enumerate(seen) if item["role"] == "user"][1]
    assert render.turns(now)[place] == "1"  # by place alone the first turn, and all after it, would be lost
    assert render.edited_turn(now, seen, place) == "2"
    assert render.edited_turn(now[:2], seen, place) is None
    assert render.edited_turn(now, seen, 1) is None


def test_many_joules_are_no_power_of_ten():
    title = render.usage({**USAGE, "energy_j": 243.0})["metadata"]["title"]
    assert title.endswith("≈ 240 J")


def test_what_was_avoided_and_the_carbon_are_told():
    green = {"co2e_g": 0.001061, "ci_source": "DEU, Our World in Data 2023", "flops": 3.2e11, "would_overflow": True}
    shown = render.usage({**USAGE, **green, "tokens_avoided": 1234})
    assert "+1234 tokens avoided" in shown["metadata"]["title"]
    assert "≈ 0.0011 g" in shown["content"]
    assert "DEU" in shown["content"]
    assert "would not have fitted" in shown["content"]
    assert "-56 tokens avoided" in render.usage({**USAGE, "tokens_avoided": -56})["metadata"]["title"]


def test_turns_from_before_there_were_such_figures_are_shown():
    shown = render.usage(USAGE)
    assert "avoided" not in shown["metadata"]["title"] + shown["content"]
    assert "CO₂e" not in shown["content"]


def refused(call_id: str = "c1", name: str = "mail_send", text: str = "Hi ``` there") -> list[dict]:
    error = {"code": "needs_approval", "message": "It needs approval.", "hint": "Send: /mail_send"}
    return [
        {"kind": "ToolStart", "call_id": call_id, "name": name, "arguments": {"text": text}},
        {"kind": "ToolEnd", "call_id": call_id, "name": name, "result": {"error": error}, "seconds": 0.1, "ok": False},
    ]


def test_a_call_that_waits_is_asked_about_last_with_two_buttons():
    usage = {"kind": "Usage", "tokens_in": 1, "tokens_in_cached": 0, "tokens_out": 1, "seconds": 1.0}
    usage |= {"cpu_s": 1.0, "energy_backend": "none"}
    shown = render.answer([*refused(), *refused("c2"), usage], "I did not run it.")
    assert shown[-1]["options"] == [
        {"label": "Approve", "value": "approve c1"},
        {"label": "Not now", "value": "decline c1"},
    ]
    assert sum("options" in one for one in shown) == 1
    assert shown[-1]["content"].count("```") == 2  # the arguments cannot end their block
    assert not any("/mail_send" in str(one["content"]) for one in shown if "metadata" not in one)


def test_all_of_the_arguments_are_shown_to_who_approves_them():
    long = "x" * 20_000 + "END"
    assert "END" in render.answer(refused(text=long), "Not run.")[-1]["content"]


@pytest.mark.parametrize(("approved", "told"), [(True, "Approved"), (False, "Not now")])
def test_what_was_decided_is_told_and_the_next_call_asked_about(approved, told):
    decision = {"kind": "Decision", "call_id": "c1", "approved": approved}
    shown = render.answer([*refused(), *refused("c2"), decision], "Not run.")
    assert any(told in str(one["content"]) for one in shown)
    assert shown[-1]["options"][0]["value"] == "approve c2"
    assert "options" not in render.answer([*refused(), decision], "Not run.")[-1]


def test_nothing_is_asked_while_the_answer_is_being_written():
    assert not any("options" in one for one in render.answer(refused(), "", "running"))
