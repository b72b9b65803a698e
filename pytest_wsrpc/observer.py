"""What happened during one test: on its server, with its clients, and what it left behind.

aiohttp answers an exception in a websocket handler with a close code and a line in the log. Here
each is kept until the test has looked at it, and fails the test if it never does; so does what
still runs, or is still subscribed, when clients and application are closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, NoReturn

import pytest

from wsrpc.failures import Failure

from . import internals, settings
from .leftovers import MARKED, Leftovers, verdict
from .leftovers.faults import UnusedFaults
from .leftovers.replies import UnreadErrors, unread_errors
from .leftovers.server_errors import ServerError, ServerErrors
from .leftovers.subscriptions import LeftSubscriptions, ManagerWatch
from .leftovers.tasks import LeftTask, LeftTasks, TaskWatch
from .listening import server_failures
from .traces import hide_clients

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from wsrpc import SocketsManager, Websocket

    from .client import WsTestClient
    from .faults import FaultPlan
    from .loops import TestLoop
    from .report.story import Story

hide_clients()

_active: list[Observer] = []
"""Those that listen, the youngest last."""


def observe(item: pytest.Item) -> Observer:
    """Give the observer of this test; the first call starts it."""
    observer = item.stash.get(settings.OBSERVER, None)
    if observer is None:
        observer = item.stash[settings.OBSERVER] = Observer(item)
    return observer


class Observer:
    """Watch a test from the set-up of its first fixture until its tear-down.

    Without an item, what is watched is part of a test, and is judged by these kinds of leftovers.
    """

    def __init__(
        self, item: pytest.Item | None, kinds: frozenset[str] = frozenset(settings.STRICT_KINDS)
    ) -> None:
        self.clients: list[WsTestClient] = []
        self.server_errors: list[BaseException] = []
        """Exceptions that belong to no client of the fixtures."""
        self.exempted_by = MARKED
        """How a test that does not care about leftovers says so."""
        self._item = item
        self._given_kinds = kinds
        self._failures: list[tuple[Failure, WsTestClient | None]] = []
        self._shown: list[WsTestClient] = []
        self._requests: list[pytest.FixtureRequest] = []
        self._judging = True
        self._loop: TestLoop | None = None
        self._tasks: TaskWatch | None = None
        self._left_tasks: list[LeftTask] = []
        self._managers = ManagerWatch()
        self._faults: FaultPlan | None = None
        self._waiting: list[str] = []
        self._is_over = False
        self._listening = ExitStack()
        self._listening.enter_context(server_failures(self._heard))
        _active.append(self)
        self._listening.callback(_active.remove, self)

    def stop(self) -> None:
        """Watch no longer."""
        self._listening.close()

    # What there is to watch.

    def use_loop(self, loop: TestLoop) -> None:
        """Watch the tasks of the loop on which the test runs, from now on."""
        if self._tasks is None:
            self._loop = loop
            self._watch_tasks(loop.runner.get_loop())

    def use_running_loop(self) -> None:
        """Watch the tasks of the loop that runs, but for what the current task starts."""
        self._watch_tasks(asyncio.get_running_loop())
        self.begin_call()

    def starting(self) -> AbstractContextManager[None]:
        """Count tasks that are started within as the test's, also during the set-up."""
        return nullcontext() if self._tasks is None else self._tasks.starting()

    def use_managers(self, managers: Iterable[SocketsManager], *, started: bool = False) -> None:
        """Watch the subscriptions of these managers; `started` is for those found after start-up.

        To be called before the application starts: what a manager holds already is not its doing.
        """
        self._managers.add(managers, started=started)

    def use_faults(self, plan: FaultPlan) -> None:
        """Show the plan with a failure, and judge its rules at the end."""
        self._faults = plan

    def add_client(self, client: WsTestClient) -> None:
        """Show the conversation of this client, and tell it of the exceptions that it caused."""
        self.clients.append(client)
        for index, (failure, owner) in enumerate(self._failures):
            if owner is None and _is_of(failure.websocket, client):
                self._failures[index] = failure, client
                _remove(self.server_errors, failure.exception)
                client.server_failed(failure)

    # What happens.

    def failed(self, failure: Failure) -> None:
        """Keep an exception of the server, once, with the client whose connection it concerns."""
        if self._faults is not None and self._faults.explains(failure):
            if (client := self._client_of(failure.websocket)) is not None:
                client.server_failed(failure)
                _remove(client.server_errors, failure.exception)
            return
        if any(known.exception is failure.exception for known, _ in self._failures):
            return
        client = self._client_of(failure.websocket)
        if client is not None:
            self._failures.append((failure, client))
            client.server_failed(failure)
        else:
            self._failures.append((failure, None))
            self.server_errors.append(failure.exception)

    def fault_fired(self, text: str, websocket: Websocket | None = None) -> None:
        """Note in the conversations that it concerns, or in all, that a fault did something."""
        client = self._client_of(websocket)
        for one in self.clients if client is None else [client]:
            if not one.closed:
                one.transcript.record("fault", text)

    # The course of a test.

    def closes_with(self, request: pytest.FixtureRequest) -> None:
        """Take the fixture of this request down at the end of the call, before earlier ones."""
        self._requests.append(request)

    def begin_call(self) -> None:
        """From now on the test runs, and not only its fixtures."""
        if self._tasks is not None:
            self._tasks.begin_call()

    @contextmanager
    def own_outcome(self) -> Iterator[None]:
        """Leave the outcome of a test that fails or is skipped by itself as it is."""
        try:
            yield
        except BaseException as error:
            self._judging = False
            self._note_waiting(error)
            raise

    def close_fixtures(self) -> None:
        """Tear down, while the call still lasts, clients, application and what is built on them.

        An exception of somebody's tear-down is raised where pytest expects it: in the tear-down.
        """
        while self._requests:
            try:
                internals.finish_fixture(self._requests.pop())
            except (Exception, pytest.fail.Exception) as error:
                assert self._item is not None
                self._item.addfinalizer(_raiser(error))
        self.settle()

    def settle(self) -> None:
        """Let tasks end, after clients and application were closed; note and cancel the others."""
        if self._loop is not None:
            self._loop.run(self.settled())

    async def settled(self) -> None:
        """Do as `settle`, on the loop itself."""
        if self._tasks is not None:
            self._left_tasks += await self._tasks.settle(judged="tasks" in self._kinds())

    def begin_example(self) -> None:
        """Forget the example before: its clients, its failures, its tasks."""
        self.clients.clear()
        self.server_errors.clear()
        self._failures.clear()
        self._shown.clear()
        self._left_tasks.clear()
        self._waiting.clear()
        self._requests.clear()
        self._judging = True
        self._managers = ManagerWatch()
        if self._tasks is not None:
            self._tasks.begin_example()

    def judge(self, *, example: bool = False) -> None:
        """Fail the test for what it left behind and did not look at.

        Whether a fault was used is asked at the end only, not after each example.
        """
        if self._judging:
            self._fail_for(self._take_leftovers(example))

    def judge_errors(self) -> None:
        """Fail for exceptions of the server that nobody has looked at, while the test goes on."""
        if errors := self._take_errors():
            self._fail_for([ServerErrors(errors)])

    def _fail_for(self, leftovers: Iterable[Leftovers]) -> None:
        kinds = self._kinds()
        found = [left for left in leftovers if left.kind in kinds]
        if found:
            failure = pytest.fail.Exception(verdict(found, self.exempted_by), pytrace=False)
            # Not shown; by it hypothesis tells two defects apart that end on this same line.
            failure.__context__ = found[0].exception()
            failure.__suppress_context__ = True
            raise failure

    def sections(self) -> Iterator[tuple[str, str]]:
        """Give what a report of failure shows: each conversation once, and what explains it."""
        for client in self.clients:
            if client not in self._shown and _has_content(client):
                self._shown.append(client)
                yield f"Conversation of {client.name}", client.transcript.render()
        if errors := self._take_errors():
            yield "Exceptions on the server", ServerErrors(errors).details()
        if self._waiting:
            yield "Still waiting", "\n".join(self._waiting)
            self._waiting = []
        if self._faults is not None and (lines := self._faults.summary()):
            yield "Faults", "\n".join(lines)
            self._faults = None

    def story(self) -> Story:
        """Return what all clients of the test have said and heard so far, in order."""
        from .report.spoken import story_of_clients

        return story_of_clients(filter(_has_content, self.clients))

    # How it is done.

    def _kinds(self) -> frozenset[str]:
        return self._given_kinds if self._item is None else settings.strict_kinds(self._item)

    def _take_leftovers(self, example: bool) -> Iterator[Leftovers]:
        """Give what is left of each kind; none of it is told again."""
        if errors := self._take_errors():
            yield ServerErrors(errors)
        if self._is_over:
            return
        self._is_over = not example
        if unread := unread_errors(self.clients, self._has_failed):
            yield UnreadErrors(unread)
        if tasks := self._left_tasks:
            yield LeftTasks(tasks)
        if subscriptions := self._managers.left(self._name_of):
            yield LeftSubscriptions(subscriptions)
        plan = self._faults
        if not example and plan is not None and (rules := plan.unused()):
            from .faults import verdict as verdict_on

            yield UnusedFaults(verdict_on(rules, attached=plan.was_attached))

    def _take_errors(self) -> list[ServerError]:
        """Take out the exceptions that are still where the test could have taken them."""
        errors = []
        for failure, client in self._failures:
            kept = self.server_errors if client is None else client.server_errors
            if _remove(kept, failure.exception):
                errors.append(ServerError(failure, None if client is None else client.name))
        return errors

    def _has_failed(self, client: WsTestClient, id: object) -> bool:
        return any(
            owner is client
            and type(failure.request_id) is type(id)
            and id is not None
            and failure.request_id == id
            for failure, owner in self._failures
        )

    def _heard(self, failure: Failure) -> None:
        """Keep what was told to all who listen, if it is this one's; the youngest has the rest."""
        owners = [one for one in _active if one._client_of(failure.websocket)] or _active
        if owners[-1] is self:
            self.failed(failure)

    def _watch_tasks(self, loop: asyncio.AbstractEventLoop) -> None:
        self._tasks = TaskWatch(loop, self._heard)
        self._listening.callback(self._tasks.stop)

    def _note_waiting(self, error: BaseException) -> None:
        """Keep what was waiting for what, as closing the clients ends it."""
        if self._loop is not None and _is_timeout(error):
            from .clock.waiting import describe_tasks

            loop = self._loop.runner.get_loop()
            self._waiting = list(describe_tasks(asyncio.all_tasks(loop)))

    def _client_of(self, websocket: Websocket | None) -> WsTestClient | None:
        # A port may serve twice; the latest client has it now.
        return next((one for one in reversed(self.clients) if _is_of(websocket, one)), None)

    def _name_of(self, websocket: Websocket) -> str | None:
        client = self._client_of(websocket)
        return None if client is None else client.name


def _has_content(client: WsTestClient) -> bool:
    return any(entry.direction != "connected" for entry in client.transcript.entries)


def _is_of(websocket: Websocket | None, client: WsTestClient) -> bool:
    return websocket is not None and websocket.peername in client.socknames


def _is_timeout(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return error.split(TimeoutError)[0] is not None
    return isinstance(error, TimeoutError)


def _remove(errors: list[BaseException], error: BaseException) -> bool:
    """Remove this very exception; equality is the user's to define, and not asked."""
    for index, candidate in enumerate(errors):
        if candidate is error:
            del errors[index]
            return True
    return False


def _raiser(error: BaseException) -> Callable[[], NoReturn]:
    def raise_error() -> NoReturn:
        raise error

    return raise_error
