"""What went wrong in a turn, in a sentence and a next step."""

from __future__ import annotations

from bethink.agents.checkpoints import CheckpointsError
from bethink.agents.events import Error


def explain(problem: Exception) -> Error:
    """An exception as a sentence and a next step."""
    from bethink.models.embedder import MissingModelError

    kind, text = type(problem).__name__, str(problem).strip()
    kinds = {parent.__name__ for parent in type(problem).__mro__}
    database = any(parent.__module__.startswith("psycopg") for parent in type(problem).__mro__)
    if isinstance(problem, MissingModelError):
        return Error(message=text, hint="Then start again.")
    if isinstance(problem, CheckpointsError):
        return Error(message=text, hint=problem.hint)
    if database and kinds & {"OperationalError", "PoolTimeout"}:
        return Error(message="The database of the run state does not answer.", hint=CheckpointsError.hint)
    if any("Timeout" in each for each in kinds):
        return Error(
            message="The model server took too long.", hint="Try again, or choose a smaller model.", code="timeout"
        )
    if any("Connection" in each for each in kinds):
        return Error(
            message="The model server does not answer.",
            hint="Start it, or choose another model with --model.",
            code="unreachable",
        )
    if "NotFoundError" in kinds:
        return Error(message=f"The model server does not know this model: {text}", hint="Check the name after '#'.")
    if "AuthenticationError" in kinds:
        return Error(message="The model server does not take the key.", hint="Set OPENAI_API_KEY, and start again.")
    if "BadRequestError" in kinds and "tool-call-parser" in text:
        return Error(
            message=f"The model server was not started for tools: {text}",
            hint="Start vLLM with --enable-auto-tool-choice --tool-call-parser NAME; docs/scaling.md has the command.",
        )
    if kind == "GraphRecursionError":
        return Error(message="The model kept calling tools without an answer.", hint="Ask in smaller steps.")
    return Error(message=f"The turn failed: {text or kind}", hint="Press retry. The log has the details.")
