"""`BrokerConformance`: a class to inherit, whose tests hold a broker to its contract."""

from __future__ import annotations

from .delivery import DeliveryTests
from .endings import EndingTests
from .outages import OutageTests
from .recovery import RecoveryTests


class BrokerConformance(DeliveryTests, RecoveryTests, OutageTests, EndingTests):
    """Hold a broker to all that it promises to the server, and so to clients.

    Give it a function that makes your broker::

        class TestMyBroker(BrokerConformance):
            @pytest.fixture
            def make_broker(self):
                return MyBroker

    It has to be a test class, ``Test...``, in a test module. A broker that connects processes says
    so by ``processes = 2``; the other attributes and the fixture `outages` say what else there is
    to test. A failure names the clause that is broken, with what was expected and what came.
    """
