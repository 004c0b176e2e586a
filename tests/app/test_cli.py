"""The command line, run as a user runs it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

BETHINK = str(Path(sys.executable).with_name("bethink"))


def run(*arguments: str, data: Path | None = None, stdin: bytes | None = None, **environment: str):
    env = {**os.environ, **({"BETHINK_DATA": str(data)} if data else {}), **environment}
    return subprocess.run([BETHINK, *arguments], capture_output=True, env=env, timeout=300, input=stdin, check=False)


def said(result) -> str:
    """Standard error on one line, as rich may have wrapped it."""
    return " ".join(result.stderr.decode().split())


def no_traceback(result) -> bool:
    return b"Traceback" not in result.stderr + result.stdout


def test_help_is_quick_and_imports_nothing_heavy():
    times = []
    for _ in range(3):
        start = time.perf_counter()
        result = run("--help")
        times.append(time.perf_counter() - start)
        assert result.returncode == 0
    assert min(times) < 0.7
    code = "import sys, bethink.app.cli; print([m for m in ('torch','gradio','chromadb','transformers','mcp') if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


@pytest.mark.parametrize("command", ["chat", "ask", "tools", "memory", "eval", "mcp", "doctor", "version"])
def test_every_command_explains_itself(command):
    assert run(command, "--help").returncode == 0


def test_version():
    assert json.loads(run("version", "--json").stdout)["version"]


def test_wrong_command_lines_end_with_2(tmp_path):
    for arguments in (["nosuch"], ["ask"], ["chat", "--port", "x"], ["ask", "  "], ["memory", "forget"]):
        result = run(*arguments, data=tmp_path)
        assert result.returncode == 2, arguments
        assert no_traceback(result)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("nosuch", "Unknown model 'nosuch'"),
        ("/no/such/file.gguf", "There is no file"),
        ("/no/such/folder", "There is nothing at"),
        ("hf:justname", "hf:ORG/NAME"),
        ("openai:not-a-url", "openai:BASE_URL#MODEL"),
    ],
)
def test_bad_models_are_a_sentence_with_the_next_step(tmp_path, model, words):
    result = run("ask", "hi", "--model", model, data=tmp_path)
    assert result.returncode == 1
    assert words in said(result)
    assert no_traceback(result)


def test_a_file_that_is_no_model_is_a_sentence(tmp_path):
    fake = tmp_path / "m.gguf"
    fake.write_bytes(b"not a model at all")
    result = run("ask", "hi", "--model", str(fake), data=tmp_path / "data")
    assert result.returncode == 1
    assert "is not a GGUF file" in said(result)
    assert no_traceback(result)


def test_a_data_folder_that_cannot_be_written_is_a_sentence(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    # a folder below a file can be made by nobody, root included
    for arguments in (["ask", "hi"], ["memory", "list"], ["chat"]):
        result = run(*arguments, data=blocked / "data")
        assert result.returncode == 1
        assert "cannot be written" in said(result)
        assert "--data" in said(result)
        assert no_traceback(result)


def test_unknown_settings_are_named(tmp_path):
    (tmp_path / "bethink.toml").write_text("modle = 'smollm2'\n")
    result = subprocess.run([BETHINK, "doctor"], capture_output=True, cwd=tmp_path, check=False)
    assert result.returncode == 1
    assert "modle" in said(result)
    assert no_traceback(result)


def test_thoughts_by_hand(tmp_path):
    added = json.loads(run("memory", "add", "My sister Maria lives in Porto.", "--json", data=tmp_path).stdout)
    assert added["changes"][0]["op"] == "insert"
    found = json.loads(run("memory", "search", "Where does Maria live?", "--json", data=tmp_path).stdout)
    assert "Porto" in found["thoughts"][0]["text"]
    exported = run("memory", "export", data=tmp_path).stdout
    other = tmp_path / "other"
    assert json.loads(run("memory", "import", "-", "--json", data=other, stdin=exported).stdout)["imported"] == 1
    assert run("memory", "export", data=other).stdout == exported
    ident = found["thoughts"][0]["id"]
    shown = json.loads(run("memory", "forget", ident, "--json", data=tmp_path).stdout)
    assert shown["forgotten"] == 0
    assert json.loads(run("memory", "forget", ident, "--yes", "--json", data=tmp_path).stdout)["forgotten"] == 1
    assert json.loads(run("memory", "list", "--json", data=tmp_path).stdout)["thoughts"] == []
    assert json.loads(run("memory", "list", "--json", "--user", "bob", data=other).stdout)["thoughts"] == []


@pytest.mark.parametrize(
    "bad", [b"\xff\xfe\n", *(pytest.param(line, marks=pytest.mark.long) for line in (b"not json\n", b'{"text": 3}\n'))]
)
def test_a_bad_import_writes_nothing(tmp_path, bad):
    run("memory", "add", "I like tea.", data=tmp_path / "source")
    good = run("memory", "export", data=tmp_path / "source").stdout
    assert good
    result = run("memory", "import", "-", data=tmp_path, stdin=good + bad)
    assert result.returncode == 1
    assert no_traceback(result)
    assert json.loads(run("memory", "list", "--json", data=tmp_path).stdout)["thoughts"] == []


def test_tools_by_hand(tmp_path):
    listed = json.loads(run("tools", "list", "--json").stdout)["tools"]
    assert "track_state" in [tool["name"] for tool in listed]
    arguments = json.dumps({"system": "lorenz63", "cycles": 20})
    result = run("tools", "call", "track_state", arguments, "--out", str(tmp_path), "--json")
    output = json.loads(result.stdout)
    assert output["summary"]
    assert Path(output["plots"][0]["path"]).read_bytes().startswith(b"\x89PNG")
    for bad, code in (("{", 2), ("[]", 2), ('{"members": 1}', 1), ('{"nosuch": 1}', 1)):
        failed = run("tools", "call", "track_state", bad)
        assert failed.returncode == code
        assert no_traceback(failed)
    assert "track_state" in said(run("tools", "call", "nosuch"))


def test_a_tool_reads_files_of_the_uploads_folder_only(tmp_path):
    rows = "".join(f"{time},{time % 5}.5\n" for time in range(30))
    (tmp_path / "obs.csv").write_text("time,level\n" + rows)
    where = ("--uploads", str(tmp_path), "--out", str(tmp_path / "plots"), "--json")
    output = json.loads(run("tools", "call", "track_state", '{"upload": "obs.csv"}', *where).stdout)
    assert output["rows"] == 30
    assert Path(output["plots"][0]["path"]).read_bytes().startswith(b"\x89PNG")
    for bad in ("none.csv", "../obs.csv"):
        failed = run("tools", "call", "track_state", json.dumps({"upload": bad}), *where)
        assert failed.returncode == 1
        assert "obs.csv" in json.loads(failed.stdout)["error"]["hint"]
        assert no_traceback(failed)


def test_a_tools_files_are_named(tmp_path):
    arguments = json.dumps({"rows": 100, "generate": 10})
    printed = run("tools", "call", "estimate_density", arguments, "--out", str(tmp_path)).stdout.decode()
    files = [Path(line.removeprefix("file: ")) for line in printed.splitlines() if line.startswith("file: ")]
    assert [path.suffix for path in files] == [".csv", ".csv"]
    assert len(files[0].read_text().splitlines()) == 11


def test_doctor(tmp_path):
    report = json.loads(run("doctor", "--json", data=tmp_path).stdout)
    assert report["ok"], [item for item in report["checks"] if not item["ok"]]


def test_a_second_process_on_the_folder_is_refused(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from bethink.memory import ThoughtMemory;"
        "from tests.conftest import FakeEmbedder; m = ThoughtMemory(Path(sys.argv[1]) / 'memory', FakeEmbedder());"
        "print('open', flush=True); time.sleep(120)"
    )
    root = Path(__file__).parents[2]
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, cwd=root)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        for arguments in (["memory", "list"], ["ask", "hi"], ["chat"]):
            result = run(*arguments, data=tmp_path)
            assert result.returncode == 1
            assert str(tmp_path) in said(result).replace(" ", "")
            assert no_traceback(result)
    finally:
        holder.kill()
        holder.wait()


@pytest.mark.long
def test_ask_through_an_openai_compatible_server(tmp_path, smollm2):
    """A real server: transformers' own ``serve`` with the default model's folder, on loopback."""
    from bethink.models.convert import smollm2_folder

    folder = str(smollm2_folder())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [
            str(Path(sys.executable).with_name("transformers")),
            "serve",
            folder,
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2)
                break
            except OSError:
                time.sleep(0.5)
        model = f"openai:http://127.0.0.1:{port}/v1#{folder}"
        run("memory", "add", "My sister Maria lives in Porto.", data=tmp_path)
        result = run("ask", "Where does Maria live?", "--model", model, "--json", data=tmp_path, OPENAI_API_KEY="")
        answer = json.loads(result.stdout)
        assert answer["status"] == "complete", said(result)
        assert "Porto" in answer["text"]
        assert "Porto" in answer["recalled"][0]["text"]
        assert answer["usage"]["tokens_in"] > 20
    finally:
        server.terminate()
        server.wait(timeout=30)
    # the server is gone: a sentence, and the question is kept
    result = run("ask", "Where does Maria live?", "--model", model, "--json", data=tmp_path)
    assert result.returncode == 1
    assert "does not answer" in json.loads(result.stdout)["error"]["message"]
    assert no_traceback(result)
