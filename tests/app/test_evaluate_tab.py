"""The Evaluate tab: its words and its table, and the whole of it in a real browser."""

from __future__ import annotations

import html
import re

import pytest

from bethink.agents.evaluation.background import Background
from bethink.agents.evaluation.dialogue import Plan
from bethink.agents.evaluation.runs import Run
from bethink.app.ui import evaluate
from tests.agents.evaluation.small import small
from tests.agents.evaluation.test_dialogue import opened
from tests.app.browsing import Server, open_page, shot

SETTINGS = {"data": "small", "memory": "default", "what": "turns", "conversations": 2, "questions": 9}


@pytest.fixture
def job(tmp_path):
    made = Background(
        Run(tmp_path / "run.jsonl", SETTINGS), small(tmp_path), opened(), None, Plan(suites=("questions",))
    )
    made.wait(60)
    return made


def test_the_table_and_the_words_of_a_finished_run(job):
    rows = evaluate.table(job.run)
    assert ["some evidence among the first 5", "100.0", "51.0 to 100.0", "4"] in rows
    assert all(len(row) == len(evaluate.HEADERS) for row in rows)
    assert "Done: 7 results" in evaluate.state_line(job)
    job.problem = "<b>no</b>"
    assert "&lt;b&gt;" in evaluate.state_line(job)


def test_a_report_cannot_leave_its_frame():
    body = '<p title="x">&amp;</p><script>alert(1)</script>'
    shown = evaluate.frame(body)
    assert 'sandbox=""' in shown
    found = re.search(r'srcdoc="([^"]*)"', shown)
    assert html.unescape(found.group(1)) == body


def test_a_runs_name_says_what_it_is_and_nothing_of_a_path():
    settings = {"data": "../../etc/päss.json", "memory": "default", "what": "turns"}
    name = evaluate._name(settings, b"")
    assert re.fullmatch(r"[A-Za-z0-9-]+", name)
    assert name != evaluate._name(settings, b"other content")
    assert name == evaluate._name(dict(reversed(settings.items())), b"")


@pytest.mark.browser
@pytest.mark.slow
def test_a_run_is_started_watched_shown_and_compared(page, tmp_path):
    server = Server(tmp_path)

    def run(memory: str) -> None:
        page.locator("#evaluate-memory input").click()
        page.get_by_role("option", name=re.compile(f"^{memory}:")).click()
        page.locator("#evaluate-start").click()
        page.get_by_text(re.compile(r"^Done: \d+ results")).wait_for()

    try:
        open_page(page, server.url)
        page.get_by_role("tab", name="Evaluate").click()
        page.locator("#evaluate-count input[type=number]").fill("1")
        page.locator("#evaluate-questions input[type=number]").fill("3")
        run("bm25")
        report = page.frame_locator("#evaluate-report iframe")
        report.get_by_role("heading", name="Long dialogues: gvd").wait_for()
        run("exact")
        report.get_by_text(re.compile("^exact, turns")).first.wait_for()
        page.locator("#evaluate-beside input").click()
        page.get_by_role("option", name=re.compile("bm25")).click()
        report.get_by_role("heading", name="exact, turns less bm25, turns").wait_for()
        shot(page, "evaluate")
        assert page.errors == []
        assert page.outside == []
        page.reload()
        page.get_by_role("tab", name="Evaluate").click()
        page.get_by_text(re.compile(r"^Done: \d+ results")).wait_for()  # the tab has been filled
        page.locator("#evaluate-run input").click()
        page.get_by_role("option").nth(1).wait_for()  # both runs are there after a reload
    finally:
        server.stop()
