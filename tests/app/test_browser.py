"""A real Chromium in front of the real server, model, embedder and store. Screenshots go to BETHINK_SHOTS, if set."""

from __future__ import annotations

import re
import signal
import time
import urllib.parse
import urllib.request

import pytest

from tests.app.browsing import Server, open_page, row, say, shot, wait_idle, watch

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TOLD = "My sister Maria lives in Porto and is allergic to nuts."


def test_told_restarted_asked_and_a_tool_run(page, tmp_path):
    server = Server(tmp_path)
    try:
        with urllib.request.urlopen(server.url) as answer:
            assert answer.status == 200
        start = time.monotonic()
        open_page(page, server.url)
        assert time.monotonic() - start < 15
        say(page, TOLD)
        page.get_by_text(re.compile(r"Remembered \d thought")).wait_for()
        first_thread = page.url
        assert "thread=" in first_thread
        page.get_by_role("tab", name="Memory").click()
        row(page, "My sister Maria lives in Porto.").wait_for()
        shot(page, "memory")
        page.goto("about:blank")  # or the page would complain, rightly, that its server died
    finally:
        server.stop(signal.SIGKILL)  # nothing acknowledged may need a graceful end

    server = Server(tmp_path)
    try:
        open_page(page, first_thread.replace(first_thread.split("/?")[0], server.url))
        page.locator("#chat").get_by_text(TOLD).wait_for()  # the thread is there again
        page.click("#new-chat")
        page.wait_for_function("!document.querySelector('#chat').innerText.includes('allergic')")
        say(page, "Where does Maria live?")
        page.get_by_text(re.compile(r"Recalled \d thought")).click()
        page.locator("#chat table").get_by_text("Porto").wait_for()
        answer = page.locator("#chat .bot").last.inner_text()
        assert "Porto" in answer.replace("My sister Maria lives in Porto.", "")
        shot(page, "recall")

        page.click("#chip-2")
        wait_idle(page)
        picture = page.locator("#chat img").last
        picture.wait_for(state="visible", timeout=240_000)
        page.wait_for_function(
            "[...document.querySelectorAll('#chat img')].every(i => i.complete && i.naturalWidth > 300)"
        )
        shot(page, "tool")
        assert page.outside == []
        assert page.errors == []
    finally:
        server.stop()


def test_hands_on(page, tmp_path):
    """Stop, retry, edit, empty message, rename, search, delete, forget, undo, export."""
    server = Server(tmp_path)
    try:
        open_page(page, server.url)
        page.press("#message textarea", "Enter")
        page.locator("#turn-state").get_by_text("Write something first").wait_for()
        say(page, TOLD)

        # edit: the old message and its thoughts are taken back
        page.locator("#chat button[aria-label='Edit']").first.click()
        page.locator("#chat textarea").first.fill("My brother Tom lives in Oslo.")
        page.locator("#chat button[aria-label='Submit']").first.click()
        wait_idle(page)
        page.get_by_role("tab", name="Memory").click()
        row(page, "My brother Tom lives in Oslo.").wait_for()
        assert row(page, "Porto").count() == 0

        # forget, undo
        row(page, "My brother Tom lives in Oslo.").click()
        page.click("#thought-forget")
        page.locator("#memory-note").get_by_text("No thoughts yet").wait_for()
        page.click("#memory-undo")
        row(page, "My brother Tom lives in Oslo.").wait_for()
        page.click("#memory-export")
        page.locator("#memory-file a[href*='thoughts.jsonl']").first.wait_for(state="attached")

        # threads: rename, search, reload, delete
        page.get_by_role("tab", name="Chat").click()
        page.get_by_text("Rename or delete").click()
        page.fill("#thread-title input, #thread-title textarea", "About Tom")
        page.click("#rename-thread")
        page.locator("#threads").get_by_text("About Tom").first.wait_for()
        page.click("#new-chat")
        page.wait_for_function("!document.querySelector('#chat').innerText.includes('Oslo')")
        page.fill("#search-chats input, #search-chats textarea", "no such words")
        page.wait_for_function("!document.querySelector('#threads').innerText.includes('About Tom')")
        page.fill("#search-chats input, #search-chats textarea", "Oslo")
        page.locator("#threads").get_by_text("About Tom").first.wait_for()
        page.reload()
        watch(page)
        page.locator("#threads").get_by_text("About Tom").first.wait_for()
        page.locator("#threads").get_by_text("About Tom").click()
        page.locator("#chat").get_by_text("My brother Tom lives in Oslo.").first.wait_for()

        # stop keeps what was written; retry answers again
        page.fill("#message textarea", "Tell me a long story about a ship, with many details, in ten paragraphs.")
        page.press("#message textarea", "Enter")
        page.wait_for_selector("#turn-state [data-state=busy]")
        page.click("#stop", force=True)  # the page moves while it is written to, which a person would not wait for
        wait_idle(page)
        page.locator("#chat").get_by_text(re.compile("Stopped|story|ship", re.IGNORECASE)).first.wait_for()
        page.locator("#chat button[aria-label='Retry']").last.click()
        wait_idle(page)

        page.get_by_text("Rename or delete").click()
        page.click("#delete-thread")
        page.wait_for_function("!document.querySelector('#threads').innerText.includes('About Tom')")
        assert page.outside == []
        assert page.errors == []
    finally:
        server.stop()


def observations(rows: int = 120) -> bytes:
    """A CSV of a level that drifts, seen with errors, one value missing."""
    import random

    dice, level, lines = random.Random(2), 10.0, ["time,level (m),flow"]
    for day in range(rows):
        level += dice.gauss(0, 0.5)
        flow = "" if day == 7 else f"{3 * level + dice.gauss(0, 0.3):.2f}"
        lines.append(f"{day},{level + dice.gauss(0, 0.3):.2f},{flow}")
    return "\n".join(lines).encode()


def upload(page, name: str, content: bytes) -> None:
    page.set_input_files("#main input[type=file]", {"name": name, "mimeType": "text/csv", "buffer": content})


@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.long), 360])
def test_a_file_is_added_and_tracked(page, tmp_path, width):
    page.set_viewport_size({"width": width, "height": 900 if width > 500 else 740})
    server = Server(tmp_path)
    try:
        open_page(page, server.url)
        button = page.get_by_role("button", name="Add a CSV")
        button.wait_for()
        upload(page, "notes.csv", b"when,what\n1,rain\n")
        page.locator("#turn-state").get_by_text("Not added.").wait_for()
        assert "holds text" in page.locator("#turn-state").inner_text()
        assert page.locator("#message textarea").input_value() == ""
        shot(page, f"upload-refused-{width}")
        upload(page, "river März.csv", observations())
        line = page.locator("#turn-state")
        line.get_by_text("120 rows").wait_for()
        assert "river_Marz.csv: 2 columns (level (m), flow), 120 rows, 1 value missing." in line.inner_text()
        command = page.locator("#message textarea").input_value()
        assert command.startswith('/track_state {"upload": "river_Marz.csv", "system": "random_walk"')
        page.wait_for_function(
            "(box => { const place = box.getBoundingClientRect(); return document.activeElement === box && "
            "place.top >= 0 && place.bottom <= innerHeight + 1; })(document.querySelector('#message textarea'))"
        )
        shot(page, f"upload-{width}")
        page.press("#message textarea", "Enter")
        wait_idle(page)
        page.locator("#chat img").last.wait_for(state="visible", timeout=240_000)
        page.wait_for_function(
            "[...document.querySelectorAll('#chat img')].length == 2 &&"
            "[...document.querySelectorAll('#chat img')].every(i => i.complete && i.naturalWidth > 300)"
        )
        assert "was tracked by the robust filter" in page.locator("#chat").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        shot(page, f"upload-tracked-{width}")
        assert [path.name for path in tmp_path.glob("uploads/*/*")] == ["river_Marz.csv"]
        assert page.outside == []
        assert page.errors == []
    finally:
        server.stop()


def people(rows: int = 150) -> bytes:
    """A CSV of names, heights and weights, one of them far off."""
    import random

    dice, lines = random.Random(3), ["name,height,weight"]
    for number in range(rows):
        height = dice.gauss(170, 9)
        weight = 20.0 if number == 40 else 0.9 * height - 85 + dice.gauss(0, 6)
        lines.append(f"P{number},{height:.1f},{weight:.1f}")
    return "\n".join(lines).encode()


@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.long), 360])
def test_a_table_is_added_and_its_density_learnt(page, tmp_path, width):
    page.set_viewport_size({"width": width, "height": 900 if width > 500 else 740})
    server = Server(tmp_path)
    try:
        open_page(page, server.url)
        # a series first of all; the other command is one press away, and back
        upload(page, "river.csv", observations())
        page.wait_for_function("document.querySelector('#message textarea').value.startsWith('/track_state')")
        other = page.locator("#other-command")
        other.get_by_text("Learn its distribution instead").wait_for()
        shot(page, f"density-offered-{width}")
        other.click()
        page.wait_for_function("document.querySelector('#message textarea').value.startsWith('/estimate_density')")
        other.get_by_text("Track it over time instead").click()
        page.wait_for_function("document.querySelector('#message textarea').value.startsWith('/track_state')")

        upload(page, "people.csv", people())
        page.locator("#turn-state").get_by_text("No numbers in name: left out.").wait_for()
        command = page.locator("#message textarea").input_value()
        assert command == '/estimate_density {"upload": "people.csv", "columns": ["height", "weight"]}'
        other.wait_for(state="hidden")
        shot(page, f"density-upload-{width}")
        page.press("#message textarea", "Enter")
        progress = re.compile(r"(This takes about|Trying|Labelling|Training).* \d+ %")
        page.locator("#chat").get_by_text(progress).first.wait_for(timeout=240_000)
        page.wait_for_selector("#turn-state [data-state=idle]", timeout=600_000)
        page.wait_for_function(
            "[...document.querySelectorAll('#chat img')].length == 2 &&"
            "[...document.querySelectorAll('#chat img')].every(i => i.complete && i.naturalWidth > 300)"
        )
        said = page.locator("#chat").inner_text()
        assert "The oddest is row 41 (line 42): weight is" in said
        link = page.get_by_role("link", name="Generated rows (1,000 rows, CSV)")
        answer = page.request.get(urllib.parse.urljoin(server.url, link.get_attribute("href")))
        assert answer.ok
        lines = answer.text().splitlines()
        assert lines[0] == "height,weight"
        assert len(lines) == 1001
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        link.scroll_into_view_if_needed()
        shot(page, f"density-learnt-{width}")
        page.reload()
        assert page.outside == []
        assert page.errors == []
    finally:
        server.stop()


def test_a_field_moves(page, tmp_path):
    server = Server(tmp_path)
    try:
        open_page(page, server.url)
        say(page, '/track_state {"system": "lorenz96", "filters": ["robust", "letkf"], "shock": 1, "cycles": 60}')
        page.wait_for_function(
            "[...document.querySelectorAll('#chat img')].length == 5 &&"
            "[...document.querySelectorAll('#chat img')].every(i => i.complete && i.naturalWidth > 300)"
        )
        picture = page.locator("#chat img").last
        assert picture.get_attribute("src").endswith(".gif")
        picture.scroll_into_view_if_needed()
        shot(page, "moving")
        assert page.outside == []
        assert page.errors == []
    finally:
        server.stop()


def campaign(users: int = 400) -> bytes:
    """Four weeks of users who got 0, 2 or 5 at random; those in the north answer to it."""
    import random

    dice, lines = random.Random(5), ["customer_id,week,region,amount,active,spent"]
    for user in range(users):
        region = "north" if user % 2 else "south"
        for week in range(1, 5):
            amount = dice.choice((0, 2, 5))
            active = dice.random() < 0.2 + (0.08 * amount if region == "north" else 0.01 * amount)
            lines.append(f"{user},{week},{region},{amount},{int(active)},{amount if active else 0}")
    return "\n".join(lines).encode()


@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.long), 360])
def test_a_campaign_is_added_and_its_budget_planned(page, tmp_path, width):
    page.set_viewport_size({"width": width, "height": 900 if width > 500 else 740})
    server = Server(tmp_path)
    try:
        open_page(page, server.url)
        upload(page, "coupons.csv", campaign())
        page.locator("#turn-state").get_by_text("amount is taken for what they got").wait_for()
        command = page.locator("#message textarea").input_value()
        assert command.startswith('/allocate_budget {"upload": "coupons.csv", "budget": ')
        other = page.locator("#other-command")
        other.get_by_text("Learn its distribution instead").wait_for()
        shot(page, f"budget-upload-{width}")
        page.fill("#message textarea", '/allocate_budget {"upload": "coupons.csv", "budget": 700, "currency": "EUR"}')
        page.press("#message textarea", "Enter")
        page.locator("#chat").get_by_text(re.compile(r"(Reading|Telling|Judging).* \d+ %")).first.wait_for(
            timeout=240_000
        )
        page.wait_for_selector("#turn-state [data-state=idle]", timeout=600_000)
        page.wait_for_function(
            "[...document.querySelectorAll('#chat img')].length == 2 &&"
            "[...document.querySelectorAll('#chat img')].every(i => i.complete && i.naturalWidth > 300)"
        )
        said = page.locator("#chat").inner_text()
        assert (
            "coupons.csv: 400 users over 4 steps, 1600 rows. The plan is expected to spend 700 EUR of 700 EUR" in said
        )
        link = page.get_by_role("link", name="Who gets what (400 users, first step, CSV)")
        answer = page.request.get(urllib.parse.urljoin(server.url, link.get_attribute("href")))
        assert answer.ok
        lines = answer.text().splitlines()
        assert lines[0] == "customer_id,segment,policy,amount"
        assert len(lines) == 401
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.locator("#chat img").first.scroll_into_view_if_needed()
        shot(page, f"budget-planned-{width}")
        link.scroll_into_view_if_needed()
        shot(page, f"budget-files-{width}")
        assert page.outside == []
        assert page.errors == []
    finally:
        server.stop()
