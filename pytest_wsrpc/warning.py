"""The warning of pytest-wsrpc, by itself: ini files that filter it need nothing else imported."""

from __future__ import annotations

import pytest


class PytestWsrpcWarning(pytest.PytestWarning):
    """What pytest-wsrpc has to say about a test that it does not fail."""
