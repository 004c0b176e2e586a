"""The API's own OpenAPI document, and requests made from it: whatever is sent, no server error comes back."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings

from bethink.app.openai_api import openai_router
from tests.agents.fakes import make_agent

PATHS = {"/v1/models": "GET", "/v1/models/{name}": "GET", "/v1/chat/completions": "POST"}


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    schemathesis = pytest.importorskip("schemathesis", reason="not installed: pip install 'bethink[dev]'")
    agent = make_agent(tmp_path_factory.mktemp("agent"))
    app = FastAPI(openapi_url=None)
    app.include_router(openai_router(agent))
    yield schemathesis.openapi.from_asgi("/v1/openapi.json", app)
    agent.close()


def test_all_routes_are_described(api):
    operations = [found.ok() for found in api.get_all_operations()]
    assert {operation.path: operation.method.upper() for operation in operations} == PATHS


@pytest.mark.parametrize("path", PATHS)
def test_no_request_makes_a_server_error(api, path):
    from schemathesis.checks import not_a_server_error

    answers = []

    @given(case=api[path][PATHS[path]].as_strategy())
    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    def sent(case):
        response = case.call()
        case.validate_response(response, checks=[not_a_server_error])
        answers.append(response.status_code)
        if response.status_code >= 400:
            assert set(response.json()["error"]) == {"message", "type", "param", "code"}

    sent()
    wanted = {"/v1/models": 200, "/v1/models/{name}": 404}  # a chat that can be answered is seldom drawn
    assert wanted.get(path, answers[0]) in answers
