"""``bethink serve`` over HTTP: logins, tokens, limits, uploads and ``/metrics``, with a scripted model behind it."""

from __future__ import annotations

import gzip
import io
import pickle
import time
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("argon2", reason="the extra is not installed: pip install 'bethink[serve]'")
pytest.importorskip("mcp", reason="the extra is not installed: pip install 'bethink[mcp]'")

from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from bethink.agents.events import Usage
from bethink.app.access.gate import MAX_BODY
from bethink.app.access.logins import Sessions, asked_from
from bethink.app.commands.serve import is_loopback
from bethink.app.metrics import Metrics
from bethink.app.ui.uploads import UploadLimits, take
from tests.agents.fakes import make_agent
from tests.app.serving_users import ACCEPT, HOME, McpSession, app_of, log_in, quick_users


@pytest.fixture
def agent(tmp_path):
    made = make_agent(tmp_path)
    yield made
    made.close()


@pytest.fixture
def users(tmp_path):
    return quick_users(tmp_path, "ann", "bob")


@pytest.fixture
def client(agent, users):
    with app_of(agent, users, uploads=UploadLimits(1_000_000)) as made:
        yield made


def as_user(client, name: str) -> TestClient:
    """Another browser of the same server, logged in."""
    made = TestClient(client.app, base_url=HOME)
    assert log_in(made, name) == 200
    return made


# -- the page --------------------------------------------------------------------------------------------------------


def test_without_a_login_nothing_of_the_page_is_served(client):
    for path in ("/config", "/gradio_api/info", "/gradio_api/queue/data?session_hash=a", "/gradio_api/startup-events"):
        answer = client.get(path)
        assert answer.status_code == 401 or b"thread" not in answer.content, path
    assert client.get("/config").status_code == 401
    assert client.post("/gradio_api/upload", files={"files": ("a.csv", b"a\n1\n")}).status_code == 401
    assert log_in(client, "ann", "wrong horse") == 400
    assert log_in(client, "nobody") == 400
    assert log_in(client, "ANN") == 400
    assert log_in(client, "ann") == 200
    assert client.get("/config").status_code == 200


def test_five_tries_a_minute(client, monkeypatch):
    assert [log_in(client, "ann", "wrong horse") for _ in range(6)] == [400] * 5 + [429]
    assert log_in(client, "ann") == 429  # the right password tells nothing now
    assert log_in(client, "Ann") == 429
    assert log_in(client, "bob") == 200
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert log_in(client, "ann") == 200


def test_one_address_cannot_try_all_names(client):
    tries = [log_in(client, f"user{number}") for number in range(31)]
    assert tries == [400] * 30 + [429]


def test_no_header_makes_another_address_of_it(client):
    for number in range(5):
        headers = {"X-Forwarded-For": f"10.0.0.{number}", "Forwarded": f"for=10.0.0.{number}"}
        client.post("/login", data={"username": "ann", "password": "wrong horse"}, headers=headers)
    assert log_in(client, "ann") == 429


def test_a_removed_user_is_out_at_once_and_a_new_one_of_that_name_is_somebody_else(client, users):
    browser = as_user(client, "ann")
    assert browser.get("/config").status_code == 200
    users.remove("ann")
    assert browser.get("/config").status_code == 401
    users.add("ann", "another horse")
    assert browser.get("/config").status_code == 401


def test_logging_out_ends_it_on_the_server(client):
    browser = as_user(client, "ann")
    kept = dict(browser.cookies)
    browser.get("/logout")
    thief = TestClient(client.app, base_url=HOME, cookies=kept)
    assert thief.get("/config").status_code == 401


def test_sessions_end_after_a_day(users):
    sessions = Sessions(users, session_s=-1.0)
    sessions["token"] = "ann"
    assert sessions.get("token") is None
    assert list(sessions) == []
    sessions["other"] = "nobody"
    assert len(sessions) == 0


def test_a_plot_is_shown_to_its_user_alone(client, agent):
    for name in ("ann", "bob"):
        agent.plots_of(name).mkdir(parents=True)
        (agent.plots_of(name) / "p.png").write_bytes(b"\x89PNG")
    (agent.plots / "old.png").write_bytes(b"\x89PNG")
    own, others = (f"{agent.plots_of(name) / 'p.png'}" for name in ("ann", "bob"))
    browser = as_user(client, "ann")
    assert browser.get(f"/gradio_api/file={own}").status_code == 200
    around = f"{agent.plots_of('ann')}/../{agent.plots_of('bob').name}/p.png"
    for path in (others, around, around.replace("..", "%2e%2e"), agent.plots / "old.png", f"{own}%00", f"/{others}"):
        for route in ("file=", "file/"):
            assert browser.get(f"/gradio_api/{route}{path}").status_code in (403, 404), path
    assert client.get(f"/gradio_api/file={own}").status_code == 403


# -- programs --------------------------------------------------------------------------------------------------------


def test_programs_need_a_token(client):
    browser = as_user(client, "ann")  # a login to the page is no token
    for path in ("/mcp", "/metrics", "/v1", "/v1/chat/completions"):
        for given in (None, "", "Bearer", "Bearer ", "Bearer nonsense", "Basic YW5uOmE=", "bethink_x"):
            answer = browser.post(path, json={}, headers={} if given is None else {"Authorization": given})
            assert answer.status_code == 401, (path, given)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert "bethink users token" in answer.json()["error"]["message"]


def test_the_tokens_user_is_the_user(client, users):
    ann, bob = (McpSession(client, users.new_token(name)) for name in ("ann", "bob"))
    ann.call("memory_add", text="My sister Maria lives in Porto.")
    assert [one["text"] for one in ann.call("memory_search", query="Maria")["thoughts"]] == [
        "My sister Maria lives in Porto."
    ]
    assert bob.call("memory_search", query="Maria")["thoughts"] == []
    bob.headers["Mcp-Session-Id"] = ann.headers["Mcp-Session-Id"]
    assert bob.post("tools/list").status_code == 404  # a session is its user's
    users.revoke("ann")
    assert ann.post("tools/list").status_code == 401


def test_over_v1_the_tokens_user_is_the_user(client, users, agent):
    asked = {"model": "bethink", "messages": [{"role": "user", "content": "I live in Porto."}]}
    assert client.post("/v1/chat/completions", json=asked).status_code == 401
    assert client.get("/v1/models").status_code == 401
    token = users.new_token("ann")
    answer = client.post("/v1/chat/completions", json=asked, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    agent._post_thinker.close()
    assert [thought.text for thought in agent.memory.list(user_id="ann")] == ["I live in Porto."]
    assert agent.memory.list(user_id="bob") == []


def test_without_users_programs_ask_as_the_default_user(agent):
    agent.memory.add([{"role": "user", "content": "My sister Maria lives in Porto."}], user_id="me")
    with app_of(agent, None) as client:
        assert McpSession(client, "none").call("memory_search", query="Maria")["thoughts"]
        assert client.get("/metrics").status_code == 200


@pytest.mark.parametrize("known_size", [True, False])
def test_large_bodies_are_refused(client, users, known_size):
    headers = {**ACCEPT, "Authorization": f"Bearer {users.new_token('ann')}"}
    body = b"x" * (MAX_BODY + 1)
    content = body if known_size else iter([body[: MAX_BODY // 2]] * 3)
    answer = client.post("/mcp", content=content, headers=headers)
    assert answer.status_code == 413
    assert "4,194,304 bytes" in answer.text
    assert McpSession(client, users.new_token("ann")).post("ping").status_code == 200


def test_another_host_is_refused_unless_named(agent, users):
    with app_of(agent, users, hosts=["chat.example.org"]) as client:
        token = {"Authorization": f"Bearer {users.new_token('ann')}"}
        for host, status in (("chat.example.org", 200), ("evil.example", 400), ("x.chat.example.org", 400)):
            assert client.get("/metrics", headers={**token, "Host": host}).status_code == status
        hello = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "t", "version": "0"},
            },
        }
        origin = {"Host": "chat.example.org", "Origin": "https://chat.example.org"}
        assert client.post("/mcp", json=hello, headers={**ACCEPT, **token, **origin}).status_code == 200
        origin["Origin"] = "https://evil.example"
        assert client.post("/mcp", json=hello, headers={**ACCEPT, **token, **origin}).status_code == 403


# -- metrics ---------------------------------------------------------------------------------------------------------


def test_metrics_count_and_tell_nothing_of_anybody(tmp_path, users):
    agent = make_agent(tmp_path, "Porto it is.", ("secret_word", {"a": 1}), "Well.")
    try:
        with app_of(agent, users) as client:
            thread = agent.threads.create("ann").id
            for text in ("My sister Maria lives in Porto.", '/add {"a": 2}', '/add {"a": 13}', "Call it.", ""):
                list(agent.stream(text, user_id="ann", thread_id=thread))
            token = users.new_token("ann")
            McpSession(client, token).call("memory_search", query="Maria")
            text = client.get("/metrics", headers={"Authorization": f"Bearer {token}"}).text
    finally:
        agent.close()
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["bethink_turns_total", "complete"] == 4
    assert found["bethink_turns_total", "refused"] == 1
    assert found["bethink_tool_calls_total", "add", "ok"] == 1
    assert found["bethink_tool_calls_total", "add", "invalid_input"] == 1
    assert found["bethink_tool_calls_total", "memory_search", "ok"] == 1
    assert found["bethink_tokens_total", "out"] >= 2
    assert found["bethink_energy_joules_total",] >= 0
    assert found["bethink_first_token_seconds_count",] >= 1
    assert found["bethink_queue_length",] == 0
    assert found["bethink_turns_running",] == 0
    for private in ("ann", "Maria", "Porto", "secret_word", thread):
        assert private not in text


def test_what_a_turn_cost_is_added_up():
    counted = Metrics(["add"], lambda: 3, lambda: 1)
    for _ in range(2):
        counted.hear(Usage(tokens_in=5, tokens_in_cached=2, tokens_out=1, first_token_s=0.3, energy_j=1.25))
    counted.hear(Usage())
    text = counted.text()[0].decode()
    for line in (
        "bethink_energy_joules_total 2.5",
        'bethink_tokens_total{kind="in"} 10.0',
        'bethink_first_token_seconds_bucket{le="0.25"} 0.0',
        'bethink_first_token_seconds_bucket{le="0.5"} 2.0',
        "bethink_queue_length 3.0",
        "bethink_turns_running 1.0",
    ):
        assert f"{line}\n" in text


# -- uploads ---------------------------------------------------------------------------------------------------------


def bomb() -> bytes:
    """A workbook's header, and ten megabytes of nothing."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"\0" * 10_000_000)
    return made.getvalue()


SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
TABLE = b"a,b\n" + b"".join(b"%d,%d\n" % (row, row % 7) for row in range(40))


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.svg", SVG, "ends with '.svg'"),
        ("a.csv", SVG, "could hold a script"),
        ("a.csv", b"\xef\xbb\xbf \n<?xml version='1.0'?>" + SVG, "could hold a script"),
        ("a.txt", SVG.decode().encode("utf-16"), "could hold a script"),
        ("a.xlsx", bomb(), "ends with '.xlsx'"),
        ("a.csv", bomb(), "ZIP archive or an Excel workbook"),
        ("a.parquet", bomb(), "ZIP archive or an Excel workbook"),
        ("a.csv", gzip.compress(b"\0" * 1_000_000), "compressed (gzip)"),
        ("a.csv.gz", gzip.compress(TABLE), "ends with '.gz'"),
        *(
            (name, pickle.dumps({"a": [1]}, protocol), "pickle")
            for name in ("a.csv", "a.parquet")
            for protocol in range(2, 6)
        ),
        ("a.csv", b"cos\nsystem\n(S'true'\ntR.", "pickle"),
        ("a.parquet", TABLE, "no whole Parquet"),
        ("a.parquet", b"PAR1" + TABLE, "no whole Parquet"),
        ("a.csv", b"PAR1" + TABLE + b"PAR1", "is a Parquet file"),
        ("a.csv", b"a,b\n1,\x002\n", "NUL"),
        ("../../a.csv", TABLE, "plain name"),
        ("..\\a.csv", TABLE, "plain name"),
        ("a.csv\x00.png", TABLE, "plain name"),
        ("a", TABLE, "no ending"),
    ],
)
def test_what_is_no_table_is_refused_with_a_sentence(tmp_path, name, content, told):
    source = tmp_path / "sent"
    source.write_bytes(content)
    taken = take(source, tmp_path / "kept", name)
    assert taken.line.startswith("Not added. ")
    assert told in taken.line
    assert taken.offers == ()
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize(
    "content", [b"city\nParis\n(none)\n" * 9, b"MZ,intensity\n" + b"1,2\n3,4\n" * 9, TABLE.decode().encode("utf-16")]
)
def test_tables_that_only_look_odd_are_no_such_thing(tmp_path, content):
    from bethink.app.ui.upload_checks import refuse_odd

    (tmp_path / "a.csv").write_bytes(content)
    refuse_odd(tmp_path / "a.csv", "a.csv", (".csv", ".txt"), 10_000)


def test_size_and_count(tmp_path):
    limits, kept = UploadLimits(bytes=2000, files=2), tmp_path / "kept"
    for number in range(3):
        (tmp_path / f"{number}.csv").write_bytes(TABLE + b"%d,1\n" % (90 + number))
    (tmp_path / "large.csv").write_bytes(TABLE * 20)
    assert "2,000 is the most" in take(tmp_path / "large.csv", kept, limits=limits).line
    assert [take(tmp_path / f"{number}.csv", kept, limits=limits).line[:9] for number in range(3)][:2] != [
        "Not added"
    ] * 2
    assert "2 files are kept already" in take(tmp_path / "2.csv", kept, limits=limits).line
    assert take(tmp_path / "1.csv", kept, limits=limits).offers  # one that is kept is no further one
    assert len(list(kept.iterdir())) == 2


def test_the_page_refuses_large_uploads(client):
    browser = as_user(client, "ann")
    small, large = b"a\n" + b"1\n" * 10, b"1" * 1_500_000
    assert browser.post("/gradio_api/upload", files={"files": ("a.csv", small)}).status_code == 200
    assert browser.post("/gradio_api/upload", files={"files": ("a.csv", large)}).status_code == 413
    six_over = b"1" * 7_000_000
    assert browser.post("/gradio_api/upload", files={"files": ("a.csv", six_over)}).status_code == 413
    many = [("files", (f"{number}.csv", b"1" * 900_000)) for number in range(4)]
    assert browser.post("/gradio_api/upload", files=many).status_code == 413


@pytest.mark.parametrize("name", ["../../../evil.csv", "..%2f..%2fevil.csv", "evil\x00.csv", "/etc/evil.csv"])
def test_no_name_leads_out_of_the_folder_of_uploads(client, tmp_path, name):
    from gradio.utils import get_upload_folder

    answer = as_user(client, "ann").post("/gradio_api/upload", files={"files": (name, TABLE)})
    for path in answer.json() if answer.status_code == 200 else []:
        assert Path(path).resolve().parent.parent == Path(get_upload_folder()).resolve()
    assert not list(tmp_path.rglob("evil*"))


def test_only_this_machine_is_loopback():
    assert all(map(is_loopback, ("127.0.0.1", "localhost", "::1")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "", "10.0.0.1", "localhost.example.org", "127.0.0.1.nip.io")))


def test_the_address_is_that_of_each_request(client):
    log_in(client, "ann")
    assert asked_from.get() == ""
