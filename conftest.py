"""Settings of this project's own suite."""

import os
import random
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["pytester"]

# Each run tries other examples, also under CI, where hypothesis would derandomize and remember no
# failure. Machines are shared, so the time that an example takes says nothing.
settings.register_profile(
    "suite", settings.get_profile("default"), derandomize=False, deadline=None, print_blob=True
)
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--slow-share",
        type=float,
        default=1.0,
        metavar="PART",
        help="run so many of the tests that are marked slow, chosen anew each time: 0.3 is a third",
    )
    parser.addoption(
        "--distributions",
        type=Path,
        metavar="DIRECTORY",
        help="test the sdist and the wheel that are there, instead of some built for the purpose",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    share = config.getoption("--slow-share")
    chance = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID"))  # the same in all workers
    dropped = {
        item
        for item in items
        if item.get_closest_marker("slow") is not None and chance.random() >= share
    }
    if dropped:
        config.hook.pytest_deselected(items=list(dropped))
        items[:] = [item for item in items if item not in dropped]
