"""Run state machines on small applications."""

from collections.abc import Callable

import hypothesis
import pytest
from aiohttp import web
from hypothesis import Phase
from hypothesis.stateful import run_state_machine_as_test

from pytest_wsrpc.demo import Stream
from wsrpc import LocalBroker

SETTINGS = hypothesis.settings(
    max_examples=40,
    stateful_step_count=20,
    database=None,
    derandomize=True,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(hypothesis.HealthCheck),
)


def application(view=Stream, broker=LocalBroker, **options):
    app = web.Application()
    app.router.add_view("/stream", view)
    broker.for_app(app, **options)
    return app


@pytest.fixture
def run() -> Callable[..., None]:
    """Run a machine as its test would: ``run(machine, max_examples=10)``."""

    def run(machine, **options):
        run_state_machine_as_test(machine, settings=hypothesis.settings(SETTINGS, **options))

    return run


@pytest.fixture
def fails(run) -> Callable[..., BaseException]:
    """Run a machine that fails, and return the failure; its text has the notes."""

    def fails(machine, kind=AssertionError, **options):
        with pytest.raises(kind) as failure:
            run(machine, **options)
        error = failure.value
        error.text = "\n".join([str(error), *getattr(error, "__notes__", ())])
        return error

    return fails


@pytest.fixture
def steps() -> Callable[[BaseException], list[str]]:
    """Return the steps that a failure shows."""

    def steps(error):
        shown = [
            line for line in error.text.splitlines() if line.startswith(("state = ", "state."))
        ]
        return shown[1:-1]

    return steps
