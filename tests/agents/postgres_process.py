"""A real PostgreSQL for tests: a new cluster on a free port of this machine, with a password, ended by its id."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PASSWORD = "Ceci-nest-pas-une-pipe"
"""Of the test's own database, on loopback."""


def programs() -> Path | None:
    """The folder of PostgreSQL's programs; Debian keeps them off the path. None where they are not, or cannot be run:
    root needs Debian's own user for them."""
    if os.getuid() == 0 and "postgres" not in {entry.pw_name for entry in pwd.getpwall()}:
        return None
    on_path = shutil.which("initdb")
    folders = [*([Path(on_path).parent] if on_path else []), *sorted(Path("/usr/lib/postgresql").glob("*/bin"))]
    return next((folder for folder in reversed(folders) if (folder / "postgres").exists()), None)


@dataclass
class Database:
    """A running server: its address (with the password), and how to stop and start it."""

    bin: Path
    folder: Path
    port: int
    as_user: dict[str, Any]
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def address(self) -> str:
        return f"postgresql://bethink:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        import psycopg

        command = [str(self.bin / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)]
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, **self.as_user)
        end = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.address).close()
                return
            except psycopg.OperationalError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise AssertionError((self.folder / "log").read_text()) from None
                time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)  # ends connections, then the server
            self.process.wait(30)
            self.process = None


@contextmanager
def postgres() -> Iterator[Database]:
    """A new, empty server; it refuses to run as root, who starts it as Debian's own user for it."""
    found = programs()
    assert found is not None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    folder = Path(tempfile.mkdtemp(prefix="bethink-postgres-"))
    as_user: dict[str, Any] = {}
    if os.getuid() == 0:
        as_user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        shutil.chown(folder, "postgres", "postgres")
    database = Database(found, folder, port, as_user)
    try:
        secret = folder / "password"
        secret.write_text(PASSWORD)
        if as_user:
            shutil.chown(secret, "postgres")
        command = [str(found / "initdb"), "-D", str(folder / "data"), "-U", "bethink", "-A", "scram-sha-256"]
        command += ["--pwfile", str(secret), "--no-sync", "-E", "UTF8", "--locale=C"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False, **as_user)
        assert done.returncode == 0, done.stderr
        database.start()
        yield database
    finally:
        database.stop()
        shutil.rmtree(folder, ignore_errors=True)
