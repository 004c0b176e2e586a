from __future__ import annotations

import http.server
import socket
import threading
import time

import numpy as np
import pytest
from chroma_process import chroma_process, free_port
from fake_embedder import WordHashEmbedder
from stored import ANA, thoughts

import bethink.memory.server as server_module
from bethink.memory import EmbedderMismatchError, ThoughtMemory
from bethink.memory.errors import MemoryServerError
from bethink.memory.rewriting import collection
from bethink.memory.server import State, chroma_server


@pytest.fixture
def two(server):
    """Two processes' stores on one server."""
    made = [chroma_server(server[0], 64) for _ in range(2)]
    for number, store in enumerate(made):
        store.agree({"embedder": "fake", "dim": 64}, f"node{number}")
    yield made
    for store in made:
        store.close()


def test_a_state_changes_with_every_write_of_anybody(two):
    a, b = two
    rows, vectors = thoughts(6)
    assert a.state(ANA) == b.state(ANA) == State("", {})
    seen = [a.state(ANA)]

    def changed() -> None:
        assert a.state(ANA) == b.state(ANA)
        assert a.state(ANA) not in seen
        seen.append(a.state(ANA))

    a.put(ANA, rows[:3], vectors[:3])
    changed()
    b.put(ANA, rows[3:], vectors[3:])
    changed()
    before = b.state(ANA)
    b.update(ANA, rows[:1])
    assert b.after_write(ANA, before) == b.state(ANA)
    changed()
    a.remove(ANA, [rows[1].id])
    changed()
    a.drop(ANA)
    assert a.state(ANA) == b.state(ANA) == State("", {})


def test_what_is_read_of_a_user(two):
    a, b = two
    rows, vectors = thoughts(4)
    a.put(ANA, rows, vectors)
    state, found = b.settled(ANA)
    assert state == a.state(ANA)
    assert found == rows
    some, read = b.vectors(ANA, [rows[2].id, "nothing"])
    assert some == [rows[2]]
    np.testing.assert_allclose(read, vectors[2:3], atol=1e-6)
    assert b.settled("user-nobody") == (State("", {}), [])
    assert b.vectors("user-nobody", ["x"])[0] == []
    assert a.erasures() == {}
    b.remove(ANA, [rows[0].id])
    (token,) = a.erasures().values()
    b.drop(ANA)
    assert a.erasures()[ANA] != token


def test_a_write_into_a_collection_that_is_being_replaced_is_done_again(two):
    a, b = two
    rows, vectors = thoughts(4)
    b.put(ANA, rows[:2], vectors[:2])  # b knows the collection by its id
    a.remove(ANA, [rows[0].id])
    b.put(ANA, rows[2:3], vectors[2:3])
    b.update(ANA, rows[2:3])
    collection(a.rows.client, ANA).modify(name=f"{ANA}-elsewhere")  # its name is gone, its id is not
    b.put(ANA, rows[3:], vectors[3:])
    assert [one.id for one in a.settled(ANA)[1]] == [rows[3].id]


def test_other_vectors_are_told_by_name(two):
    for made_by, name in (({"embedder": "other", "dim": 64}, "embedder"), ({"embedder": "fake", "dim": 65}, "dim")):
        with pytest.raises(EmbedderMismatchError, match=f"with {name} = "):
            two[0].agree(made_by, "node")


@pytest.mark.parametrize("url", ["", "ftp://x", "http://", "http://127.0.0.1:x", "http://127.0.0.1:1/path", "::"])
def test_addresses_that_are_none(url):
    with pytest.raises(MemoryServerError, match="not the address of a server"):
        chroma_server(url, 64)


def test_no_server_and_how_to_start_one():
    port = free_port()
    with pytest.raises(MemoryServerError, match=f"chroma run --path FOLDER --host 127.0.0.1 --port {port}"):
        chroma_server(f"127.0.0.1:{port}", 64)


def test_a_server_of_another_kind():
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>hello</html>")

        def log_message(self, *args):
            pass

    page = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=page.serve_forever, daemon=True).start()
    try:
        with pytest.raises(MemoryServerError, match="No Chroma server answers"):
            chroma_server(f"http://127.0.0.1:{page.server_address[1]}", 64)
    finally:
        page.shutdown()
        page.server_close()


def test_a_server_that_dies_and_comes_back(tmp_path):
    embedder, port = WordHashEmbedder(), free_port()
    folder = tmp_path / "served"
    with chroma_process(folder, port) as (url, _):
        memory = ThoughtMemory(tmp_path / "memory", embedder, store=chroma_server(url, embedder.dim))
        memory.add("I live in Porto.", user_id="ana", turn_id="t1", timestamp="2024-01-01")
    with pytest.raises(MemoryServerError, match="does not answer any more"):
        memory.search("Porto", user_id="ana")
    with pytest.raises(MemoryServerError, match="Start it again"):
        memory.add("I live in Rome.", user_id="ana", turn_id="t2", timestamp="2024-02-01")
    with chroma_process(folder, port):
        assert [one.text for one in memory.list(user_id="ana")] == [
            "I live in Porto."
        ]  # nothing was decided without the server
        memory.add("I live in Rome.", user_id="ana", turn_id="t2", timestamp="2024-02-01")
        assert [thought.text for thought in memory.list(user_id="ana")] == ["I live in Rome."]
        memory.close()


def test_a_server_that_stands_still_is_given_up(server, monkeypatch):
    monkeypatch.setattr(server_module, "TIMEOUT_S", 0.3)
    store = chroma_server(server[0], 64)
    store.agree({"embedder": "fake", "dim": 64}, "here")
    client = store.rows.client._server._session
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        monkeypatch.setattr(store.rows.client._server, "_api_url", f"http://127.0.0.1:{deaf.getsockname()[1]}/api/v2")
        start = time.monotonic()
        with pytest.raises(MemoryServerError, match="does not answer"):
            store.state(ANA)
        assert time.monotonic() - start < 10
    assert client.timeout.read == 0.3
