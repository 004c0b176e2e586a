"""The agent: LangChain's ``create_agent`` with memory and metering, and a typed stream of events around it."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bethink.agents.checkpoints import Checkpoints, open_checkpoints
from bethink.agents.decisions import command_of, pending_call
from bethink.agents.events import (
    Done,
    Error,
    Event,
    MemoryWrite,
    Passing,
    Token,
)
from bethink.agents.explain import explain
from bethink.agents.folders import user_folder
from bethink.agents.history import as_messages
from bethink.agents.idle import IdleUnload
from bethink.agents.ledger import Ledger
from bethink.agents.policies import AS_USUAL, Policies
from bethink.agents.prompts import system_prompt
from bethink.agents.references import shown_titles, with_titles
from bethink.agents.running import RunningTurns
from bethink.agents.threads import ThreadStore, clean
from bethink.agents.turn_events import TurnCost, call_events, custom_events, tell_waiting, token_events
from bethink.models.energy import Span, record

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AnyMessage, BaseMessage

    from bethink.agents.conversation import Conversation
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

    ``approve``: tools that need approval may run in this turn. ``conversation``: what a client program asks that keeps
    the chat itself. ``span`` is the turn's own measurement, ``earlier`` the messages of the chat that its prompts leave
    out.
    """

    user_id: str
    thread_id: str = ""
    turn_id: str = ""
    memory: bool = True
    approve: bool = False
    cancel: threading.Event = field(default_factory=threading.Event)
    conversation: Conversation | None = None
    span: Span | None = None
    earlier: tuple[AnyMessage, ...] = ()


class Agent:
    """A chat agent over one data folder.

    Args:
        model: any LangChain chat model.
        memory: the thought memory (its folder's lock makes this the only process here).
        embedder: the memory's embedder, also used to route messages to tools.
        tools: what it may call.
        folder: threads, run state, plots and uploaded files are kept here.
        system: the system message, when not the model's usual one.
        checkpoints: the PostgreSQL database of the run state, postgresql://...; empty: a file of the folder.
        policies: how it spares energy.
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
        checkpoints: str = "",
        policies: Policies = AS_USUAL,
    ) -> None:
        from bethink.agents.energy_tool import energy_tool
        from bethink.agents.post_think import PostThinker

        self.model, self.memory, self.embedder, self.policies = model, memory, embedder, policies
        self.plots = folder / "plots"
        self.plots.mkdir(parents=True, exist_ok=True)
        self.threads = ThreadStore(folder / "threads.db")
        self.folder = folder
        self.on_close: list[Callable[[], None]] = []
        """What else is to be closed with the agent."""
        self.on_event: list[Callable[[Event], None]] = []
        """Who else is told each event of each turn; :class:`Done` without a turn's id: it was refused."""
        self.running = RunningTurns()
        self._system = system or system_prompt(self.model_name)
        self.ledger = Ledger(folder / "energy.db")
        """What all spans cost, by user."""
        self.tools = [*tools, energy_tool(self.ledger)]
        self._post_thinker = PostThinker(memory, self.threads, self.ledger, wait_s=policies.think_after_s)
        self._lock = threading.Lock()
        self._idle = IdleUnload(model, policies.unload_after_min, lambda: bool(self.running))
        self._graph: Any = None
        self._checkpoints_at = checkpoints
        self._checkpoints: Checkpoints | None = None
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
            _ = self.graph
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
        self._idle.close()
        self._post_thinker.close()
        self.memory.close()
        self.threads.close()
        self.ledger.close()
        if self._checkpoints is not None:
            self._checkpoints.close()

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

    def reply(
        self,
        conversation: Conversation,
        *,
        user_id: str,
        memory: bool = True,
        cancel: threading.Event | None = None,
    ) -> Iterator[Event]:
        """Answer a conversation that the caller keeps; events as those of :meth:`stream`, and no thread.

        Of what came before the turn the last :data:`LAST_MESSAGES` messages are read. A :class:`ToolStart` of one of
        the conversation's own tools has no :class:`ToolEnd`: the caller runs it, and sends what came of it with the
        next call. The same turn again (another try, say) takes the place of what was learned from it before.
        """
        session, turn_id = conversation.ids(user_id)
        context = Context(user_id, session, turn_id, memory, False, cancel or threading.Event(), conversation)
        problem = _unreadable(str(conversation.messages[conversation.asked].text))
        # the same conversation may be asked about twice at once: each try has a place of its own
        with self.running.claimed((user_id, uuid.uuid4().hex), context.cancel, problem) as problem:
            if problem is not None:
                yield from map(self._tell, (problem, Done(status="failed")))
                return
            if memory and conversation.asked == len(conversation.messages) - 1:
                self.threads.end_job(turn_id)
                self._post_thinker.revert(user_id, [turn_id])
            with closing(self._turn(conversation.bounded(LAST_MESSAGES, MAX_TEXT), context)) as events:
                yield from map(self._tell, events)

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
        return self.running.cancel((user_id, thread_id))

    def _answer(
        self, text: str, context: Context, before: Callable[[], Error | None] | None = None, *, typed: bool = True
    ) -> Iterator[Event]:
        """One turn, if it may start; ``before`` runs first, and may still refuse. Nothing else runs in the thread."""
        from langchain_core.messages import HumanMessage

        from bethink.agents.routing import knows_tools

        place = (context.user_id, context.thread_id)
        with self.running.claimed(place, context.cancel, _unreadable(text) if typed else None) as problem:
            problem = problem or (before() if before is not None else None)
            if problem is not None:
                yield from map(self._tell, (problem, Done(status="failed")))
                return
            history = self.threads.messages(*place)
            context.turn_id = self.threads.start_turn(*place, text)
            meant = HumanMessage(with_titles(clean(text), shown_titles(history)))
            sent = 0 if self.policies.full_history else max(0, len(history) - LAST_MESSAGES)
            calls = knows_tools(self.model)
            messages = [*as_messages(history[sent:], calls=calls), meant]
            context.earlier = tuple(as_messages(history[:sent], calls=calls))
            with closing(self._turn(messages, context)) as events:
                yield from map(self._tell, events)

    def _tell(self, event: Event) -> Event:
        for listener in self.on_event:
            listener(event)
        return event

    def _turn(self, messages: list[BaseMessage], context: Context) -> Generator[Event]:
        start, answer, status = time.perf_counter(), "", "failed"
        events: list[dict[str, Any]] = []
        cost, saved, run_id = TurnCost(start), start, uuid.uuid4().hex
        # the turn's id is its trace, and begins with the id of its span
        context.span = Span(self.model_name, "turn", trace_id=context.turn_id)
        context.span.span_id = context.turn_id[:16]
        context.span.begin()
        try:
            for event in self._run(messages, context, run_id, cost):
                if isinstance(event, Token):
                    answer += event.text
                    if time.perf_counter() - saved > SAVE_EVERY_S:
                        saved = time.perf_counter()
                        self.threads.save_answer(context.turn_id, answer, "running", events)
                elif not isinstance(event, Passing):
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
            context.span.end(ok=status == "complete")
            usage = cost.usage()
            self._keep(context, cost)
            events.append(usage.as_dict())
            self.threads.save_answer(context.turn_id, answer.strip(), status, events)
            self._forget_run(run_id)
        yield usage
        self._idle.used()
        if status == "complete" and context.memory and not self.policies.think_after_s:
            written = self._post_thinker.wait(context.turn_id, timeout=5.0)
            if written is not None and written.changes:
                yield written
        reason = cost.finish_reason
        yield Done(turn_id=context.turn_id, text=answer.strip(), status=status, finish_reason=reason)

    def _run(self, messages: list[BaseMessage], context: Context, run_id: str, cost: TurnCost) -> Iterator[Event]:
        from bethink.models.chat import CancelHandler

        graph = self.graph
        assert self._checkpoints is not None  # opened with the graph
        config = {
            "configurable": {"thread_id": self._checkpoints.thread(run_id)},
            "callbacks": [CancelHandler(context.cancel, tell_waiting)],
            "recursion_limit": STEP_LIMIT,
        }
        stream = graph.stream(
            {"messages": messages},
            config=config,
            context=context,
            stream_mode=["messages", "updates", "custom"],
        )
        seen: set[str] = set()
        calls: dict[str, tuple[str, float]] = {}
        for mode, data in stream:
            if mode == "custom":
                yield from custom_events(data, calls, cost)
            elif mode == "messages":
                yield from token_events(data, seen, cost)
            else:
                for update in data.values():
                    cost.note(update or {})
                    yield from call_events(update or {}, calls)

    def _keep(self, context: Context, cost: TurnCost) -> None:
        """Put what the turn cost into the ledger; an answer does not fail because that cannot be written."""
        if context.span is None:
            return
        try:
            self.ledger.add(context.user_id, context.thread_id, [*cost.records, record(context.span)])
        except Exception:
            log.exception("what a turn cost could not be written")

    @property
    def graph(self) -> Any:
        """The compiled LangGraph agent (built at the first use)."""
        with self._lock:
            if self._graph is None:
                self._graph = self._build()
            return self._graph

    def _build(self) -> Any:
        from langchain.agents import create_agent
        from langchain.agents.middleware import ModelCallLimitMiddleware, ToolCallLimitMiddleware

        from bethink.agents.approval import ApprovalMiddleware
        from bethink.agents.foreign_tools import ForeignTools
        from bethink.agents.middleware import MemoryMiddleware, MeteringMiddleware
        from bethink.agents.repeats import RepeatedAnswers
        from bethink.agents.routing import BriefResults, ExactCommands, routers_for
        from bethink.tools.langchain import langchain_tool

        self._checkpoints = open_checkpoints(self._checkpoints_at, self.folder)
        model = self.model

        def revision(user_id: str) -> int:
            return self.memory.revision(user_id=user_id)

        middleware: list[Any] = [
            MemoryMiddleware(self.memory, post_think=self._post_thinker.put),
            ModelCallLimitMiddleware(run_limit=MODEL_CALLS, exit_behavior="end"),
            ToolCallLimitMiddleware(run_limit=12),
            ExactCommands(self.tools),
            ApprovalMiddleware(self.tools),
            BriefResults(active=lambda: getattr(model, "brief_results", False)),
            *([RepeatedAnswers(revision)] if self.policies.repeat_answers else []),
            MeteringMiddleware(),
        ]
        return create_agent(
            model,
            [langchain_tool(tool, self.plots_of, self.folder_of, self.thoughts_of) for tool in self.tools],
            system_prompt=self._system,
            # the last one sees which tools are offered in the end
            middleware=[*middleware, *routers_for(model, self.tools, self.embedder), ForeignTools(self.tools)],
            context_schema=Context,
            checkpointer=self._checkpoints.saver,
        )

    def _forget_run(self, run_id: str) -> None:
        """Run state is of no use after the turn, and would keep text that was deleted elsewhere."""
        if self._checkpoints is not None:
            try:
                self._checkpoints.forget(run_id)
            except Exception:
                log.exception("the run state of a turn could not be deleted")


def _unreadable(text: str) -> Error | None:
    if not text.strip():
        return Error(message="The message is empty.", hint="Write something, or pick a suggestion.", code="invalid")
    size = len(text.encode("utf-8", "replace"))
    if size > MAX_TEXT:
        hint = "Send the part that matters, or split it over several messages."
        message = f"The message has {size:,} bytes; at most {MAX_TEXT:,} are read."
        return Error(message=message, hint=hint, code="invalid")
    return None


__all__ = ["Agent", "Context", "MemoryWrite"]
