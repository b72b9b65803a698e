"""What an observer hears, whose it is, and what a report shows of it."""

import asyncio
import logging
from types import SimpleNamespace

import pytest

from pytest_wsrpc.observer import Observer
from pytest_wsrpc.transcript import Transcript
from wsrpc import failures
from wsrpc.failures import Failure


class Client:
    """As much of a client as an observer needs."""

    closed = False

    def __init__(self, name, port):
        self.name = name
        self.socknames = [("127.0.0.1", port)]
        self.transcript = Transcript(name)
        self.server_errors = []
        self._unread = []

    def server_failed(self, failure):
        self.server_errors.append(failure.exception)


def websocket(port):
    return SimpleNamespace(peername=("127.0.0.1", port), socket_id="abc")


def report(error, port=None):
    connection = None if port is None else websocket(port)
    failures.report(logging.getLogger("wsrpc.tests"), Failure(error, "hook", connection))


@pytest.fixture
def observer():
    observer = Observer(None)
    yield observer
    observer.stop()


def test_of_nested_observers_the_youngest_has_what_belongs_to_nobody(observer):
    inner = Observer(None)
    outer_client, inner_client = Client("outer", 1), Client("inner", 2)
    observer.add_client(outer_client)
    inner.add_client(inner_client)
    errors = [ValueError(n) for n in range(4)]

    report(errors[0], 1)
    report(errors[1], 2)
    report(errors[2])
    inner.stop()
    report(errors[3])

    assert outer_client.server_errors == [errors[0]]
    assert inner_client.server_errors == [errors[1]]
    assert inner.server_errors == [errors[2]]
    assert observer.server_errors == [errors[3]]


def test_all_kinds_are_judged_without_an_item(observer):
    report(ValueError("unseen"))
    with pytest.raises(pytest.fail.Exception, match="The server raised ValueError: unseen"):
        observer.judge()
    observer.judge()


def test_a_fault_is_noted_in_the_conversation_it_concerns_or_in_all_that_are_open(observer):
    clients = [Client("a", 1), Client("b", 2), Client("c", 3)]
    for client in clients:
        observer.add_client(client)
    clients[2].closed = True
    observer.fault_fired("one's", websocket(1))
    observer.fault_fired("everyone's")
    observer.fault_fired("a stranger's", websocket(9))
    assert [[entry.text for entry in client.transcript.entries] for client in clients] == [
        ["one's", "everyone's", "a stranger's"],
        ["everyone's", "a stranger's"],
        [],
    ]


async def test_an_example_begins_with_nothing_of_the_one_before(observer):
    observer.use_running_loop()
    observer.add_client(Client("first", 1))
    report(ValueError("first"), 1)
    report(ValueError("nobody's"))
    with observer.starting():
        task = asyncio.create_task(asyncio.sleep(3600))
    with pytest.raises(ZeroDivisionError), observer.own_outcome():
        raise ZeroDivisionError
    await observer.settled()
    assert task.cancelled()
    observer.judge(example=True)

    observer.begin_example()
    assert observer.clients == observer.server_errors == []
    observer.judge(example=True)
    assert list(observer.sections()) == []

    observer.begin_call()
    report(ValueError("second"))
    with pytest.raises(pytest.fail.Exception, match="second"):
        observer.judge(example=True)


async def test_without_a_loop_there_is_nothing_to_settle(observer):
    with observer.starting():
        pass
    observer.begin_call()
    observer.begin_example()
    await observer.settled()
    observer.settle()
    observer.judge()


class Plan:
    """A plan whose only rule explains every lookup that fails."""

    def explains(self, failure):
        return isinstance(failure.exception, LookupError)

    def unused(self):
        return []

    def summary(self):
        return []


def test_a_fault_that_no_application_could_deal_with_is_not_its_exception(observer):
    observer.use_faults(Plan())
    report(LookupError("injected"))
    report(ValueError("the application's"))
    assert [type(error) for error in observer.server_errors] == [ValueError]
    assert [title for title, _ in observer.sections()] == ["Exceptions on the server"]


@pytest.mark.parametrize(
    "body",
    [
        "await asyncio.wait_for(asyncio.Event().wait(), 1)",
        "async with asyncio.TaskGroup() as group: group.create_task(ws_client.receive())",
    ],
)
def test_after_a_timeout_it_is_shown_what_was_waiting(suite, body):
    result = suite(
        f"""
        import asyncio
        import pytest
        from application import Stream, create_app

        class Waiting(Stream):
            async def ws_rpc_wait(self, payload):
                await asyncio.sleep(30)

        @pytest.fixture
        def ws_app():
            app = create_app("/plain")
            app.router.add_view("/stream", Waiting)
            return app

        @pytest.mark.wsrpc(clock="virtual")
        async def test_timeout(ws_client):
            await ws_client.send_json({{"id": 1, "method": "wait"}})
            {body}

        async def test_other(ws_client):
            assert False
        """
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*- Still waiting -*",
            "*waits for asyncio.sleep(30)*",
            "    test_it.py:7 in ws_rpc_wait: await asyncio.sleep(30)",
        ]
    )
    assert result.stdout.str().count("Still waiting") == 1


def test_the_tear_down_of_a_fixture_built_on_ours_fails_as_a_tear_down(suite):
    suite(
        """
        import pytest

        @pytest.fixture
        def fragile(ws_client):
            yield
            raise ZeroDivisionError

        async def test_fragile(fragile):
            pass
        """
    ).assert_outcomes(passed=1, errors=1)
