"""The places in wsrpc where faults get in, and that nobody else pays for them."""

from pytest_wsrpc.faults import FaultPlan
from pytest_wsrpc.faults.calls import FaultyCalls
from wsrpc import LocalBroker, SocketsManager
from wsrpc.calls import Calls
from wsrpc.channels import Channels


def test_without_a_plan_connections_have_the_calls_of_the_library(play):
    async def scenario(stage):
        stage.plan.detach()
        await stage.connect()
        (view,) = stage.backend.sockets
        assert type(view._wsrpc._calls) is Calls

    play(scenario)
    assert SocketsManager._wsrpc_calls is Calls


def test_under_a_plan_connections_of_that_manager_have_calls_that_pass_it(play):
    async def scenario(stage):
        await stage.connect()
        (view,) = stage.backend.sockets
        assert type(view._wsrpc._calls) is FaultyCalls
        assert LocalBroker()._wsrpc_calls is Calls

    play(scenario)


def test_all_that_is_overridden_is_there():
    for name in ("run", "_reply", "_answer"):
        assert name in vars(Calls)
        assert name in vars(FaultyCalls)
    assert "suspended" in vars(Calls)
    assert "_deliver" in vars(Channels)


def test_a_broker_that_does_nothing_to_unsubscribe_does_so_only_under_a_rule_for_it():
    plan = FaultPlan(7, "a test")
    broker = LocalBroker()
    plan.attach([broker])
    assert not broker._unsubscribes()
    plan.drop("unsubscribe")
    assert broker._unsubscribes()
    plan.detach()
    assert not broker._unsubscribes()
