"""Brokers that break a clause fail on it, and are told so."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from pytest_wsrpc.conformance import CLAUSES, BrokerConformance

from . import broken_delivery, broken_hooks, broken_outages
from .bus import Broker, setting

HERE = Path(__file__).parent
MODULES = [broken_delivery, broken_hooks, broken_outages]
BROKEN = [
    kind
    for module in MODULES
    for kind in vars(module).values()
    if isinstance(kind, type) and "clause" in vars(kind)
]

QUICK = [
    *{(kind.clause, kind.__module__): kind for kind in reversed(BROKEN)}.values(),
    *(kind for kind in BROKEN if "gap" in kind.also or kind.clause in ("raised", "missing")),
]
"""Those that show all that the suite does."""

SUITE = """
import pytest
from brokers import bus, {module}
from pytest_wsrpc.conformance import BrokerConformance


@pytest.mark.wsrpc(clock="virtual")
class TestBroken(BrokerConformance):
    processes = 2
    patience = 1.0
    refused = ("UPPER",)

    @pytest.fixture
    def backend(self):
        return bus.setting({module}.{name})

    @pytest.fixture
    def make_broker(self, backend):
        return backend[0]

    @pytest.fixture
    def outages(self, backend):
        return backend[1]
"""


@pytest.mark.wsrpc(clock="virtual")
class TestBus(BrokerConformance):
    """The broker that the broken ones are made of keeps the contract."""

    processes = 2
    refused = ("UPPER",)

    @pytest.fixture(params=[0, 50], ids=["no-history", "history"])
    def backend(self, request):
        kind = type("Kind", (Broker,), {"keeps": request.param})
        return setting(kind)

    @pytest.fixture
    def make_broker(self, backend):
        return backend[0]

    @pytest.fixture
    def outages(self, backend):
        return backend[1]


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, id=kind.__name__, marks=() if kind in QUICK else pytest.mark.slow)
        for kind in BROKEN
    ],
)
def test_a_broken_broker_fails_on_the_clause_that_it_breaks(pytester, kind):
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    module = kind.__module__.rpartition(".")[2]
    sources = {f"brokers/{name}": (HERE / f"{name}.py").read_text() for name in ("bus", module)}
    pytester.mkpydir("brokers")
    suite = SUITE.format(module=module, name=kind.__name__)
    pytester.makepyfile(test_broken=suite, **sources)
    for name in ("brokers", "brokers.bus", f"brokers.{module}"):
        sys.modules.pop(name, None)  # those of the test before
    run = pytester.runpytest_inprocess("-k", "not sequences", "-p", "no:randomly", "--tb=native")
    found = re.findall(r"breaks the clause '(\w+)'", run.stdout.str())
    assert kind.clause in found
    assert set(found) <= {kind.clause, *kind.also}
    assert CLAUSES[kind.clause] in run.stdout.str()
