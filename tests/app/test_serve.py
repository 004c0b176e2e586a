"""The server, with a scripted model (a fake) behind it."""

from __future__ import annotations

import socket

import pytest
from fastapi.testclient import TestClient

from bethink.app.serve import PortError, create_app, listen
from tests.agents.fakes import make_agent


@pytest.fixture
def agent(tmp_path):
    made = make_agent(tmp_path)
    yield made
    made.close()


@pytest.fixture
def client(agent):
    with TestClient(create_app(agent), base_url="http://127.0.0.1:7860") as made:
        yield made


def test_page_and_health(client):
    assert client.get("/").status_code == 200
    health = client.get("/healthz").json()
    assert health["ok"]
    assert health["state"] == "loading"


@pytest.mark.parametrize("path", ["/", "/healthz", "/config", "/gradio_api/info"])
def test_another_host_is_refused(client, path):
    assert client.get(path, headers={"Host": "evil.example"}).status_code == 400


def test_another_origin_is_refused(client):
    assert client.get("/", headers={"Origin": "http://evil.example"}).status_code == 403
    assert client.get("/", headers={"Origin": "http://127.0.0.1:7860"}).status_code == 200


def test_headers_keep_everything_here(client):
    headers = client.get("/").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "http:" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_nothing_is_offered_as_an_api(client):
    info = client.get("/gradio_api/info").json()
    assert info["named_endpoints"] == {}
    assert info["unnamed_endpoints"] == {}


def test_only_plots_can_be_fetched(client, agent, tmp_path):
    (agent.plots / "p.png").write_bytes(b"\x89PNG")
    assert client.get(f"/gradio_api/file={agent.plots / 'p.png'}").status_code == 200
    for path in (tmp_path / "threads.db", "/etc/passwd", f"{agent.plots}/../threads.db"):
        assert client.get(f"/gradio_api/file={path}").status_code in (403, 404)


def test_a_taken_port_gives_the_next_one():
    first = listen("127.0.0.1", 0)
    port = first.getsockname()[1]
    second = listen("127.0.0.1", port)
    assert second.getsockname()[1] != port
    first.close()
    second.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "example.org"])
def test_other_addresses_are_refused(host):
    with pytest.raises(PortError, match="this machine only"):
        listen(host, 7860)


def test_another_address_that_is_no_address_of_this_machine_is_told():
    with pytest.raises(PortError, match="no address of this machine"):
        listen("192.0.2.1", 7860, elsewhere=True)


@pytest.mark.parametrize("path", ["/gradio_api/file=http://127.0.0.1:7860/healthz", "/gradio_api/proxy=https://x.org/"])
def test_nothing_is_fetched_from_elsewhere(client, path):
    answer = client.get(path)
    assert answer.status_code == 403
    assert "fetches nothing" in answer.text


def test_without_metrics_and_mcp_there_is_nothing_there(client):
    assert "bethink_turns" not in client.get("/metrics").text
    hello = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    assert client.post("/mcp", json=hello).status_code in (404, 405)


def test_a_listening_socket_takes_connections():
    with listen("127.0.0.1", 0) as listener:
        socket.create_connection(listener.getsockname(), timeout=2).close()
