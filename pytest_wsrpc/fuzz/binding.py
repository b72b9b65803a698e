"""The fixture behind the `case` of a test under ``@api.parametrize()``.

pytest imports this module in every run, so it imports nothing of the fuzzer's.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def _wsrpc_fuzz_case(request: pytest.FixtureRequest) -> Iterator[None]:
    from . import parametrized

    with parametrized.bound(request):
        yield
