"""The fault plan of a test: where its rules come from, and which seed it has."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import pytest

from . import observer, seeds, settings
from .faults import FaultPlan, Rule, Spec

_PLAN: Final[pytest.StashKey[FaultPlan]] = pytest.StashKey()
_NAME: Final = "wsrpc-faults"


def plan_of(item: pytest.Item) -> FaultPlan | None:
    """Give the plan of this test, the same each time; None where nothing asks for faults.

    The rules of the command line or the ini file come first, and may match nothing; then those of
    the markers.
    """
    plan = item.stash.get(_PLAN, None)
    if plan is not None:
        return plan
    common = item.config.pluginmanager.get_plugin(_NAME)
    marked = settings.marked_faults(item)
    if common is None and not marked and "ws_faults" not in getattr(item, "fixturenames", ()):
        return None
    watch = observer.observe(item)
    seed = seeds.seed_of(item.config)
    plan = item.stash[_PLAN] = FaultPlan(seed.value, item.nodeid, on_fired=watch.fault_fired)
    if common is not None:
        common.put_into(plan)
    plan.keep(marked, "@pytest.mark.wsrpc", optional=False)
    watch.use_faults(plan)
    return plan


class SessionFaults:
    """The rules that hold for every test, and whether any test had something for them."""

    def __init__(self, config: pytest.Config, specs: tuple[Spec, ...]) -> None:
        self._config = config
        self._origin = (
            "--wsrpc-faults"
            if config.getoption("wsrpc_faults") is not None
            else "ini setting wsrpc_faults"
        )
        self._specs = specs
        self._rules: list[Rule] = []
        self._matched: Counter[str] = Counter()

    @classmethod
    def register(cls, config: pytest.Config) -> None:
        """Take part in a run whose options or settings have faults."""
        specs = settings.session_faults(config)
        if specs:
            config.pluginmanager.register(cls(config, specs), _NAME)

    def put_into(self, plan: FaultPlan) -> None:
        """Add the rules to the plan of a test."""
        self._rules = plan.keep(self._specs, self._origin, optional=True)

    def pytest_report_header(self) -> str:
        rules = "; ".join(map(str, self._specs))
        return f"wsrpc faults: {rules}, {seeds.seed_of(self._config)}"

    def pytest_runtest_logfinish(self) -> None:
        """Count what the rules of a test have matched; the plan counts over its examples."""
        for rule in self._rules:
            self._matched[str(rule.spec)] += rule.matched
        self._rules = []

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        idle = [str(spec) for spec in self._specs if not self._matched[str(spec)]]
        if idle:
            terminalreporter.section("wsrpc faults", yellow=True)
        for rule in idle:
            terminalreporter.write_line(
                f"{self._origin}: {rule} matched nothing in the whole run: what it is to strike "
                "never happened, or its channel, event or method is misspelled."
            )

    # -- pytest-xdist

    def pytest_sessionfinish(self) -> None:
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output["wsrpc_faults_matched"] = dict(self._matched)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        output = getattr(node, "workeroutput", None) or {}
        self._matched.update(output.get("wsrpc_faults_matched", {}))
