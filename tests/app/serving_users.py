"""What tests of ``bethink serve`` share: an application with users whose passwords are quick to check."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from fastapi.testclient import TestClient

from bethink.agents.agent import Agent
from bethink.app.access.users import Users
from bethink.app.serve import create_app
from bethink.app.ui.uploads import UploadLimits

HOME = "http://127.0.0.1:7860"
PASSWORD = "correct horse"
ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


def quick_users(folder: Path, *names: str) -> Users:
    """Users who all have `PASSWORD`, hashed with so little work that tests do not wait."""
    users = Users(folder)
    users._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    for name in names:
        users.add(name, PASSWORD)
    return users


@contextmanager
def app_of(agent: Agent, users: Users, **options: Any) -> Iterator[TestClient]:
    """A client of the whole application."""
    app = create_app(agent, users=users, mcp=True, metrics=True, **options)
    with TestClient(app, base_url=HOME) as client:
        yield client


def log_in(client: TestClient, name: str, password: str = PASSWORD) -> int:
    """Try to log in; the status."""
    return client.post("/login", data={"username": name, "password": password}).status_code


class McpSession:
    """MCP over HTTP as one user, message by message, as the SDK's client sends them."""

    def __init__(self, client: TestClient, token: str) -> None:
        self.client, self.headers, self.number = client, {**ACCEPT, "Authorization": f"Bearer {token}"}, 0
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}}
        answer = self.post("initialize", hello)
        assert answer.status_code == 200, answer.text
        self.headers["Mcp-Session-Id"] = answer.headers["mcp-session-id"]
        self.post("notifications/initialized", notify=True)

    def post(self, method: str, params: dict | None = None, notify: bool = False) -> Any:
        """The answer to one message."""
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params or {}}
        if not notify:
            self.number += 1
            message["id"] = self.number
        return self.client.post("/mcp", json=message, headers=self.headers)

    def result(self, method: str, **params: Any) -> dict[str, Any]:
        """The result, or the error, of one request."""
        answer = self.post(method, params)
        assert answer.status_code == 200, answer.text
        for line in answer.text.splitlines():
            if line.startswith("data: "):
                found = json.loads(line.removeprefix("data: "))
                if found.get("id") == self.number:
                    return found.get("result") or {"error": found["error"]}
        raise AssertionError(answer.text)

    def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """What a tool gives: its structured content, or ``{"error": words}``."""
        result = self.result("tools/call", name=name, arguments=arguments)
        if result.get("isError") or "error" in result:
            return {"error": json.dumps(result)}
        return result["structuredContent"]


__all__ = ["HOME", "PASSWORD", "McpSession", "UploadLimits", "app_of", "log_in", "quick_users"]
