"""The Memory tab in a real Chromium, before the real server, embedder and store."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest

from bethink.memory import ThoughtMemory
from tests.app.browsing import Server, open_page, row, shot

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MERGED = re.compile(r"I like (tea and jazz|jazz and tea)\.")
TOO_LARGE = "exceed the maximum allowed size"


@pytest.fixture(scope="module")
def filled(tmp_path_factory, embedder):
    """A server whose user has thoughts."""
    data = tmp_path_factory.mktemp("data")
    with ThoughtMemory(data / "memory", embedder) as memory:
        memory.add("My sister Maria lives in Porto.", user_id="me", turn_id="t1", timestamp="2024-05-01")
        memory.add("My sister Maria lives in Lisbon.", user_id="me", turn_id="t2", timestamp="2024-07-01")
        memory.add("I like tea. I like jazz.", user_id="me", turn_id="t3", timestamp="2024-08-01")
        memory.insert(f"<b>Markup</b> & a long word: {'x' * 150}", user_id="me", timestamp="2024-08-02")
    server = Server(data)
    yield server
    server.stop()


def said(page, words: str) -> str:
    """What the line at the bottom says, once it has these words."""
    page.locator("#memory-said").get_by_text(words).wait_for()
    return page.locator("#memory-said").inner_text()


def cells(page, table: str, text: str):
    return page.locator(f"#{table} [data-testid^=cell]", has_text=text)


def unfold(page, part: str) -> None:
    page.locator(f"#{part} .label-wrap").first.click()


def fill(page, ident: str, text: str) -> None:
    page.fill(f"#{ident} textarea, #{ident} input", text)


def choose(page, name: str, content: bytes) -> None:
    """Give the import a file, in place of one that may be there."""
    if page.locator("#import-file button[aria-label*='lear']").count():
        page.locator("#import-file button[aria-label*='lear']").first.click()
    page.locator("#import-file input[type=file]").wait_for(state="attached")
    page.set_input_files("#import-file input[type=file]", {"name": name, "mimeType": "text/plain", "buffer": content})


@pytest.mark.parametrize(("width", "colours"), [(1280, "light"), (390, "dark")])
def test_all_of_the_tab(page, filled, width, colours):
    """History and undo, recall by channel, forgetting many, merging, import; everything is taken back again."""
    page.set_viewport_size({"width": width, "height": 900 if width > 500 else 800})

    def seen(name: str) -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        shot(page, f"memory-{name}-{width}-{colours}")

    open_page(page, f"{filled.url}/?__theme={colours}")
    page.get_by_role("tab", name="Memory").click()
    row(page, "My sister Maria lives in Lisbon.").wait_for()
    page.locator("#memory-note").get_by_text("4 thoughts shown").wait_for()

    # history: an edit, its undo, the undo's undo
    row(page, "I like jazz.").click()
    page.fill("#thought-text textarea", "I like bebop.")
    page.click("#thought-save")
    said(page, "Saved.")
    row(page, "I like bebop.").wait_for()
    past = page.locator(".past")
    past.first.get_by_text("edited").wait_for()  # the list is drawn after the table: its old buttons undo other things
    page.locator("#history-undo-0").click()
    assert "“I like bebop.” is “I like jazz.” again" in said(page, "Undone")
    row(page, "I like jazz.").wait_for()
    assert page.locator("#thought-text textarea").input_value() == "I like jazz."
    past.filter(has_text="taken back").first.wait_for()
    assert "cannot be undone: changed since" in past.nth(1).inner_text()
    assert past.last.inner_text().split(" ", 2)[2].startswith("learned: I like jazz.")
    page.locator("#thought-editor").scroll_into_view_if_needed()
    seen("history")
    page.click("#memory-close")
    page.locator("#memory-said").wait_for(state="hidden")

    # recall, now and as of a date
    unfold(page, "recall-test")
    fill(page, "recall-question", "Where does Maria live?")
    page.click("#recall-go")
    cells(page, "recall-table", "My sister Maria lives in Lisbon.").wait_for()
    assert re.search(r"words \d\.\d\d", cells(page, "recall-table", "meaning").first.inner_text())
    fill(page, "recall-as-of", "2024-06-01")
    page.press("#recall-as-of textarea, #recall-as-of input", "Enter")
    cells(page, "recall-table", "superseded 2024-07-01").wait_for()
    page.locator("#recall-test").scroll_into_view_if_needed()
    seen("recall")
    fill(page, "recall-as-of", "then")
    page.click("#recall-go")
    page.locator("#recall-said").get_by_text("Use ISO-8601").wait_for()
    unfold(page, "recall-test")

    # forgetting many: looked at, asked, done, taken back by one undo
    unfold(page, "forget-many")
    page.click("#forget-look")
    page.locator("#forget-said").get_by_text("Write words, a date, or both.").wait_for()
    fill(page, "forget-before", "2024-08-02")
    page.click("#forget-look")
    page.locator("#forget-said").get_by_text("3 thoughts would be forgotten.").wait_for()
    cells(page, "forget-table", "I like tea.").wait_for()
    page.get_by_role("button", name="Forget these 3").click()
    page.locator("#forget-said").get_by_text("Forget 3 thoughts? One undo brings them all back.").wait_for()
    page.locator("#forget-many").scroll_into_view_if_needed()
    seen("forget")
    page.click("#forget-no")
    page.locator("#forget-yes").wait_for(state="hidden")
    page.locator("#memory-note").get_by_text("4 thoughts shown").wait_for()
    page.click("#forget-look")
    page.get_by_role("button", name="Forget these 3").click()
    page.get_by_role("button", name="Yes, forget them").click()
    said(page, "3 thoughts forgotten.")
    page.locator("#memory-note").get_by_text("1 thought shown").wait_for()
    page.click("#memory-undo")
    said(page, "Undone")
    page.locator("#memory-note").get_by_text("4 thoughts shown").wait_for()
    unfold(page, "forget-many")

    # merging
    page.click("#memory-close")
    unfold(page, "merge")
    page.click("#merge-look")
    cells(page, "merge-table", MERGED).wait_for()
    page.locator("#merge").scroll_into_view_if_needed()
    seen("merge")
    page.click("#merge-go")
    said(page, "Merged into 1 thought.")
    row(page, MERGED).wait_for()
    page.click("#merge-look")
    page.locator("#merge-said").get_by_text("Nothing is to be merged").wait_for()
    page.click("#memory-undo")
    said(page, "Undone")
    row(page, "I like jazz.").wait_for()
    unfold(page, "merge")

    # import: bad files write nothing, a good one what it says
    page.click("#memory-close")
    unfold(page, "memory-import")
    ident = f"stamps{width}{datetime.now(UTC):%H%M%S%f}"
    good = json.dumps({"id": ident, "text": "I collect stamps.", "user_id": "eve", "created_at": "2024-01-01"})
    choose(page, "bad.jsonl", f"{good}\nnot json\n[]\n".encode())
    page.locator("#import-said").get_by_text("2 lines are no thought").wait_for()
    cells(page, "import-table", "it is not JSON").wait_for()
    page.locator("#memory-import").scroll_into_view_if_needed()
    seen("import")
    choose(page, "picture.png", b"\x89PNG\r\n\x1a\n")
    page.locator("#import-said").get_by_text("not UTF-8 text").wait_for()
    assert not page.locator("#import-go").is_visible()
    choose(page, "good.jsonl", good.encode())
    page.locator("#import-said").get_by_text("1 thought in the file: 1 new, 0 known.").wait_for()
    page.locator("#memory-note").get_by_text("4 thoughts shown").wait_for()
    page.get_by_role("button", name="Import 1 thought").click()
    said(page, "1 thought imported.")
    row(page, "I collect stamps.").wait_for()
    page.click("#memory-undo")
    said(page, "“I collect stamps.” is forgotten now")
    page.locator("#memory-note").get_by_text("4 thoughts shown").wait_for()
    assert page.outside == []
    assert page.errors == []


def test_erasing_for_good_says_that_there_is_no_undo(page, filled):
    open_page(page, filled.url)
    page.get_by_role("tab", name="Memory").click()
    row(page, "My sister Maria lives in Lisbon.").wait_for()
    unfold(page, "forget-many")
    fill(page, "forget-words", "Maria")
    page.locator("#forget-hard input").check()
    page.click("#forget-look")
    page.locator("#forget-said").get_by_text("2 thoughts would be erased for good.").wait_for()
    cells(page, "forget-table", "superseded").wait_for()
    page.get_by_role("button", name="Erase these 2").click()
    page.locator("#forget-said").get_by_text("There is no undo.").wait_for()
    page.get_by_role("button", name="Yes, erase them for good").click()
    said(page, "2 thoughts erased for good.")
    assert not page.locator("#memory-undo").is_visible()
    page.locator("#memory-inactive input").check()
    row(page, "I like jazz.").wait_for()
    assert row(page, "Maria").count() == 0
    assert page.errors == []


def test_a_file_beyond_the_limits_is_refused(page, filled, tmp_path):
    open_page(page, filled.url)
    page.get_by_role("tab", name="Memory").click()
    unfold(page, "memory-import")
    page.locator("#import-file input[type=file]").wait_for(state="attached")
    file = tmp_path / "large.jsonl"
    with file.open("wb") as out:
        out.truncate(11_000_000)
    page.set_input_files("#import-file input[type=file]", file)
    page.locator("#import-said").get_by_text("The file has 11.0 MB").wait_for()
    assert "bethink memory import" in page.locator("#import-said").inner_text()
    page.locator("#import-file button[aria-label*='lear']").first.click()
    page.locator("#import-file input[type=file]").wait_for(state="attached")
    with file.open("wb") as out:
        out.truncate(100_000_000)
    page.set_input_files("#import-file input[type=file]", file)
    page.get_by_text(TOO_LARGE).first.wait_for()
    assert not page.locator("#import-go").is_visible()
    shot(page, "memory-too-large")
