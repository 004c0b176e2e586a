"""The agent: LangChain's ``create_agent`` with memory and metering, and a typed stream of events around it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bethink.agents.decisions import command_of, pending_call
from bethink.agents.events import (
    Done,
    Error,
    Event,
    MemoryWrite,
    Token,
    ToolProgress,
)
from bethink.agents.folders import user_folder
from bethink.agents.prompts import system_prompt
from bethink.agents.references import shown_titles, with_titles
from bethink.agents.threads import Message, ThreadStore, clean
from bethink.agents.turn_events import Meter, call_events, custom_events, token_events

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from bethink.agents.turn_limits import TurnLimits
    from bethink.memory import ThoughtMemory
    from bethink.models.embedder import Embedder
    from bethink.tools.contract import Tool

log = logging.getLogger(__name__)

MAX_TEXT = 32 * 1024
"""Longest user message, in UTF-8 bytes."""
LAST_MESSAGES = 6
MODEL_CALLS = 8
STEP_LIMIT = 6 * MODEL_CALLS
SAVE_EVERY_S = 0.5


@dataclass
class Context:
    """Who asks, where, and how to stop it. Never filled from anything a model wrote.

    ``approve``: tools that need approval may run in this turn.
    """

    user_id: str
    thread_id: str = ""
    turn_id: str = ""
    memory: bool = True
    approve: bool = False
    cancel: threading.Event = field(default_factory=threading.Event)


class Agent:
    """A chat agent over one data folder.

    Args:
        model: any LangChain chat model.
        memory: the thought memory (its folder's lock makes this the only process here).
        embedder: the memory's embedder, also used to route messages to tools.
        tools: what it may call.
        folder: threads, run state, plots and uploaded files are kept here.
        system: the system message, when not the model's usual one.
    """

    def __init__(
        self,
        model: BaseChatModel,
        memory: ThoughtMemory,
        embedder: Embedder,
        tools: list[Tool],
        folder: Path,
        *,
        system: str | None = None,
    ) -> None:
        from bethink.agents.post_think import PostThinker

        self.model, self.memory, self.embedder, self.tools = model, memory, embedder, tools
        self.plots = folder / "plots"
        self.plots.mkdir(parents=True, exist_ok=True)
        self.threads = ThreadStore(folder / "threads.db")
        self.folder = folder
        self.on_close: list[Callable[[], None]] = []
        """What else is to be closed with the agent."""
        self.on_event: list[Callable[[Event], None]] = []
        """Who else is told each event of each turn; :class:`Done` without a turn's id: it was refused."""
        self.limits: TurnLimits | None = None
        """How many turns a user may start; None: one in each thread, and no other limit."""
        self._system = system or system_prompt(self.model_name)
        self._post_thinker = PostThinker(memory, self.threads)
        self._running: dict[tuple[str, str], threading.Event] = {}
        self._lock = threading.Lock()
        self._graph: Any = None
        self._checkpoints: Any = None
        self._status: dict[str, Any] = {
            "state": "loading",
            "message": "The model is not loaded yet.",
            "done": 0.0,
        }

    @property
    def model_name(self) -> str:
        """The model's name, as shown to the user."""
        return str(getattr(self.model, "model_name", type(self.model).__name__))

    def folder_of(self, user_id: str, what: str = "uploads") -> Path:
        """The folder of a user's ``uploads`` or ``evaluations``; it need not exist. No other user's tools see it."""
        return user_folder(self.folder, what, user_id)

    def plots_of(self, user_id: str) -> Path:
        """The folder of what this user's tools draw and write; it need not exist."""
        return user_folder(self.folder, "plots", user_id)

    def thoughts_of(self, user_id: str, query: str, k: int) -> list[dict[str, Any]]:
        """What is remembered of a user that fits a query, for tools: dicts with ``id``, ``text``, ``date``."""
        return [hit.as_dict() for hit in self.memory.search(query, user_id=user_id, k=k)]

    # -- starting and stopping ---------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """``{"state": "loading"|"ready"|"error", "message", "done"}``."""
        return dict(self._status)

    def report(self, done: float, message: str) -> None:
        """Note how far loading is (given to the model's loader as its progress)."""
        self._status = {"state": "loading", "message": message, "done": done}

    def warm_up(self) -> None:
        """Load model and embedder now; a failure becomes the status, and each turn says it again."""
        from bethink.models.registry import warm_up

        try:
            self.report(0.1, f"Loading {self.model_name} …")
            warm_up(self.model)
            self.report(0.8, "Loading the sentence embedder …")
            self.embedder.embed(["warm up"])
            self._status = {"state": "ready", "message": f"{self.model_name} is ready.", "done": 1.0}
        except Exception as problem:
            log.exception("loading failed")
            self._status = {"state": "error", "message": explain(problem).message, "done": 0.0}

    def close(self) -> None:
        """Stop post-thinking and close the files."""
        for close in self.on_close:
            close()
        self._post_thinker.close()
        self.memory.close()
        self.threads.close()
        if self._checkpoints is not None:
            self._checkpoints.conn.close()

    # -- turns -------------------------------------------------------------------------------------------------------

    def stream(
        self, text: str, *, user_id: str, thread_id: str, memory: bool = True, approve: bool = False
    ) -> Iterator[Event]:
        """Answer one message; yields events as they happen, :class:`Done` last.

        Nothing is stored for a message that is empty or longer than :data:`MAX_TEXT` bytes. ``/tool {json}`` runs a
        tool exactly as typed. Tools that need approval are refused unless they are typed so, or ``approve`` is set.
        Closing the iterator cancels the turn.

        Raises:
            ThreadNotFound: this user has no such thread.
        """
        self.threads.get(user_id, thread_id)
        yield from self._answer(text, Context(user_id, thread_id, memory=memory, approve=approve))

    def retry(self, *, user_id: str, thread_id: str, memory: bool = True) -> Iterator[Event]:
        """Answer the last user message again; the old answer and the thoughts it left are taken back."""
        asked = [message for message in self.threads.messages(user_id, thread_id) if message.role == "user"]
        if not asked:
            yield Error(message="There is nothing to answer again.", hint="Send a message first.")
            yield Done(status="failed")
            return
        last = asked[-1]
        yield from self.edit(last.text, user_id=user_id, thread_id=thread_id, turn_id=last.turn_id, memory=memory)

    def edit(self, text: str, *, user_id: str, thread_id: str, turn_id: str, memory: bool = True) -> Iterator[Event]:
        """Put another message in place of a turn's; that turn, all later ones and their thoughts are taken back."""

        def take_back() -> None:
            gone = self.threads.drop_turns(user_id, thread_id, turn_id)
            self._post_thinker.revert(user_id, gone)

        yield from self._answer(text, Context(user_id, thread_id, memory=memory), take_back)

    def approve(self, call_id: str, *, user_id: str, thread_id: str, memory: bool = True) -> Iterator[Event]:
        """Run a call that was refused because it needs approval, exactly as it was asked for, as a turn of its own.

        A call runs once this way: it is refused when the user has approved or declined it before.

        Raises:
            ThreadNotFound: this user has no such thread.
        """
        call = pending_call(self.threads.messages(user_id, thread_id), call_id)

        def decide() -> Error | None:
            if call is not None and self.threads.decide(user_id, thread_id, call_id, approved=True):
                return None
            return Error(message="This call is not waiting for approval (any more).", hint="Ask for it again.")

        text = "" if call is None else command_of(*call)
        yield from self._answer(text, Context(user_id, thread_id, memory=memory), decide, typed=False)

    def cancel(self, *, user_id: str, thread_id: str) -> bool:
        """Stop the running turn of a thread; False when none runs."""
        with self._lock:
            event = self._running.get((user_id, thread_id))
        if event is not None:
            event.set()
        return event is not None

    def refusal(self, user_id: str) -> Error | None:
        """Why this user may not start a turn now in a thread that is not answering; None if they may."""
        with self._lock:
            return None if self.limits is None else self.limits.refusal(user_id, self._running_of(user_id))

    @property
    def running(self) -> int:
        """How many turns run now."""
        with self._lock:
            return len(self._running)

    def _running_of(self, user_id: str) -> int:
        return sum(user == user_id for user, _ in self._running)

    def _answer(
        self, text: str, context: Context, before: Callable[[], Error | None] | None = None, *, typed: bool = True
    ) -> Iterator[Event]:
        """One turn, if it may start; ``before`` runs first, and may still refuse. Nothing else runs in the thread."""
        place = (context.user_id, context.thread_id)
        problem = (_unreadable(text) if typed else None) or self._claim(place, context.cancel)
        if problem is None:
            try:
                problem = before() if before is not None else None
                if problem is None:
                    history = self.threads.messages(*place)
                    context.turn_id = self.threads.start_turn(*place, text)
                    meant = with_titles(clean(text), shown_titles(history))
                    with closing(self._turn(meant, history, context)) as events:
                        yield from map(self._tell, events)
            finally:
                context.cancel.set()
                with self._lock:
                    self._running.pop(place, None)
        if problem is not None:
            yield from map(self._tell, (problem, Done(status="failed")))

    def _tell(self, event: Event) -> Event:
        for listener in self.on_event:
            listener(event)
        return event

    def _claim(self, place: tuple[str, str], cancel: threading.Event) -> Error | None:
        """Make this the running turn of a thread, unless one runs there or the user has had enough."""
        with self._lock:
            if place in self._running:
                return Error(message="This chat is still answering.", hint="Wait, or press stop.")
            problem = None if self.limits is None else self.limits.start(place[0], self._running_of(place[0]))
            if problem is None:
                self._running[place] = cancel
            return problem

    def _turn(self, text: str, history: list[Message], context: Context) -> Generator[Event]:
        start, answer, status = time.perf_counter(), "", "failed"
        events: list[dict[str, Any]] = []
        meter = Meter(start)
        saved = start
        try:
            for event in self._run(text, history, context, meter):
                if isinstance(event, Token):
                    answer += event.text
                    if time.perf_counter() - saved > SAVE_EVERY_S:
                        saved = time.perf_counter()
                        self.threads.save_answer(context.turn_id, answer, "running", events)
                elif not isinstance(event, ToolProgress):
                    events.append(event.as_dict())
                yield event
            status = "cancelled" if context.cancel.is_set() else "complete"
        except GeneratorExit:
            status = "cancelled"
            context.cancel.set()
            raise
        except Exception as problem:
            if context.cancel.is_set():
                status = "cancelled"
            else:
                log.exception("a turn failed")
                error = explain(problem)
                events.append(error.as_dict())
                yield error
        finally:
            usage = meter.usage()
            events.append(usage.as_dict())
            self.threads.save_answer(context.turn_id, answer.strip(), status, events)
            self._forget_run(context.turn_id)
        yield usage
        if status == "complete" and context.memory:
            written = self._post_thinker.wait(context.turn_id, timeout=5.0)
            if written is not None and written.changes:
                yield written
        yield Done(turn_id=context.turn_id, text=answer.strip(), status=status)

    def _run(self, text: str, history: list[Message], context: Context, meter: Meter) -> Iterator[Event]:
        from langchain_core.messages import HumanMessage

        from bethink.models.chat import CancelHandler

        messages = [*as_messages(history[-LAST_MESSAGES:]), HumanMessage(text)]
        config = {
            "configurable": {"thread_id": context.turn_id},
            "callbacks": [CancelHandler(context.cancel)],
            "recursion_limit": STEP_LIMIT,
        }
        stream = self.graph.stream(
            {"messages": messages},
            config=config,
            context=context,
            stream_mode=["messages", "updates", "custom"],
        )
        seen: set[str] = set()
        calls: dict[str, tuple[str, float]] = {}
        for mode, data in stream:
            if mode == "custom":
                yield from custom_events(data, calls, meter)
            elif mode == "messages":
                yield from token_events(data, seen, meter)
            else:
                for update in data.values():
                    yield from call_events(update or {}, calls)

    @property
    def graph(self) -> Any:
        """The compiled LangGraph agent (built at the first use)."""
        with self._lock:
            if self._graph is None:
                self._graph = self._build()
            return self._graph

    def _build(self) -> Any:
        import sqlite3

        from langchain.agents import create_agent
        from langchain.agents.middleware import ModelCallLimitMiddleware, ToolCallLimitMiddleware
        from langgraph.checkpoint.sqlite import SqliteSaver

        from bethink.agents.approval import ApprovalMiddleware
        from bethink.agents.middleware import MemoryMiddleware, MeteringMiddleware
        from bethink.agents.routing import ExactCommands, router_for
        from bethink.tools.langchain import langchain_tool

        for old in self.folder.glob("checkpoints.db*"):
            # run state only: what a dead process left there is of no use, and its text must not stay
            old.unlink(missing_ok=True)
        connection = sqlite3.connect(self.folder / "checkpoints.db", check_same_thread=False)
        connection.execute("PRAGMA secure_delete=ON")
        self._checkpoints = SqliteSaver(connection)
        model = self.model
        middleware: list[Any] = [
            MemoryMiddleware(self.memory, post_think=self._post_thinker.put),
            ModelCallLimitMiddleware(run_limit=MODEL_CALLS, exit_behavior="end"),
            ToolCallLimitMiddleware(run_limit=12),
            ExactCommands(self.tools),
            ApprovalMiddleware(self.tools),
            MeteringMiddleware(),
        ]
        return create_agent(
            model,
            [langchain_tool(tool, self.plots_of, self.folder_of, self.thoughts_of) for tool in self.tools],
            system_prompt=self._system,
            middleware=[*middleware, router_for(model, self.tools, self.embedder)],
            context_schema=Context,
            checkpointer=self._checkpoints,
        )

    def _forget_run(self, turn_id: str) -> None:
        """Run state is of no use after the turn, and would keep text that was deleted elsewhere."""
        if self._checkpoints is not None:
            try:
                self._checkpoints.delete_thread(turn_id)
                self._checkpoints.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except Exception:
                log.exception("the run state of a turn could not be deleted")


def _unreadable(text: str) -> Error | None:
    if not text.strip():
        return Error(message="The message is empty.", hint="Write something, or pick a suggestion.")
    size = len(text.encode("utf-8", "replace"))
    if size > MAX_TEXT:
        hint = "Send the part that matters, or split it over several messages."
        return Error(message=f"The message has {size:,} bytes; at most {MAX_TEXT:,} are read.", hint=hint)
    return None


def as_messages(history: list[Message]) -> list[Any]:
    """Stored messages as LangChain's. Turns without an answer are left out, with their question."""
    from langchain_core.messages import AIMessage, HumanMessage

    answered = {message.turn_id for message in history if message.role == "assistant" and message.text.strip()}
    kinds = {"user": HumanMessage, "assistant": AIMessage}
    return [kinds[message.role](message.text) for message in history if message.turn_id in answered]


def explain(problem: Exception) -> Error:
    """An exception as a sentence and a next step."""
    from bethink.models.embedder import MissingModelError

    kind, text = type(problem).__name__, str(problem).strip()
    if isinstance(problem, MissingModelError):
        return Error(message=text, hint="Then start again.")
    if "Connection" in kind or isinstance(problem, ConnectionError):
        return Error(
            message="The model server does not answer.",
            hint="Start it, or choose another model with --model.",
        )
    if "Timeout" in kind:
        return Error(message="The model server took too long.", hint="Try again, or choose a smaller model.")
    if kind == "NotFoundError":
        return Error(message=f"The model server does not know this model: {text}", hint="Check the name after '#'.")
    if kind == "GraphRecursionError":
        return Error(message="The model kept calling tools without an answer.", hint="Ask in smaller steps.")
    return Error(message=f"The turn failed: {text or kind}", hint="Press retry. The log has the details.")


__all__ = ["Agent", "Context", "MemoryWrite", "explain"]
