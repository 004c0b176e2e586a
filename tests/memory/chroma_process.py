"""A real Chroma server for tests and benchmarks: ``chroma run`` on a free port of this machine, ended by its id."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def chroma_process(folder: Path, port: int | None = None) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server on ``folder``: its address and its process."""
    import chromadb
    from chromadb.config import Settings

    port, program = port or free_port(), Path(sys.executable).with_name("chroma")
    command = [str(program), "run", "--path", str(folder), "--host", "127.0.0.1", "--port", str(port)]
    folder.parent.mkdir(parents=True, exist_ok=True)
    # to a file: a pipe that nobody reads is full after 64 kB, and then the server stands still
    with (
        open(folder.parent / f"{folder.name}.log", "wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as run,
    ):
        try:
            end = time.monotonic() + 60
            while True:
                try:
                    quiet = Settings(anonymized_telemetry=False)
                    chromadb.HttpClient(host="127.0.0.1", port=port, settings=quiet).close()
                    break
                except Exception:
                    if run.poll() is not None or time.monotonic() > end:
                        raise
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}", run
        finally:
            run.terminate()
            try:
                run.wait(10)
            except subprocess.TimeoutExpired:
                run.kill()


def wipe(url: str) -> None:
    """Delete all that is on a server."""
    import chromadb
    from chromadb.config import Settings

    host, port = url.removeprefix("http://").split(":")
    client = chromadb.HttpClient(host=host, port=int(port), settings=Settings(anonymized_telemetry=False))
    for one in client.list_collections():
        client.delete_collection(one.name)
    client.close()
