"""Findings: enough cases for each."""

from __future__ import annotations

from functools import partial

import pytest

from .dividing import Run


@pytest.fixture
def fuzz(fuzz: Run) -> Run:
    """Try more cases than other tests do: the defects here are not in all of them."""
    return partial(fuzz, "--wsrpc-max-examples=25")
