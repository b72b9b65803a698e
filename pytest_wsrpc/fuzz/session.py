"""The fuzzer's part in a pytest run: which items there are, running them, the summary."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from . import again, report, reproduction, selection, settings, target
from .collection import MARKER, FuzzFile, FuzzItem
from .endpoints import Endpoint, endpoints_of_target
from .failure import FuzzFailure
from .handshake import HandshakeFailure, check_handshake
from .item import Job, Run
from .phases import Phase, Subject
from .serving import Host
from .target import Target

_TALLY = pytest.StashKey[dict[str, Any]]()
_PATH = pytest.StashKey[str]()
_ATTRIBUTE = "wsrpc_fuzz"
"""Under this name reports carry an item's counts, also from one process to another."""


@dataclass
class _Crash:
    message: str


class _Text:
    """A failure's text; the crash's message is what pytest's last lines and JUnit show of it."""

    def __init__(self, text: str, message: str) -> None:
        self.text = text
        self.reprcrash = _Crash(message)

    def __str__(self) -> str:
        return self.text

    def toterminal(self, writer: Any) -> None:
        """Write the text as pytest's terminal reporter asks for it."""
        writer.line(self.text)


class FuzzPlugin:
    """All of the fuzzer's hooks, registered when an application is to be fuzzed."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.settings = settings.read(config)
        directory = config.invocation_params.dir
        self._targets: dict[Path, list[Target]] = {}
        for spec in dict.fromkeys(self.settings.targets):
            found = target.find(spec, directory)
            self._targets.setdefault(found.path, []).append(found)
        self._endpoints: dict[str, list[Endpoint]] = {}
        self._warnings: list[str] = []
        self._alone = False
        self._hosts: dict[str, Host] = {}
        self._bearers: dict[tuple[str, str], str] = {}
        self._items_left = 0
        self._deadline: float | None = None
        self._shown: dict[tuple[str, ...], str] = {}
        self._tallies: list[dict[str, Any]] = []
        self._not_applied: dict[tuple[str, str, str, str], None] = {}

    # -- collection

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", f"{MARKER}: an item of the fuzzer")
        self._choose_paths(config)

    def _choose_paths(self, config: pytest.Config) -> None:
        """With --wsrpc-fuzz and no path only the fuzzer's items run, with paths both do."""
        files = list(self._targets)
        if config.args_source is not pytest.Config.ArgsSource.ARGS:
            self._alone = bool(config.getoption("wsrpc_fuzz"))
            config.args = ([] if self._alone else config.args) + [str(path) for path in files]
        elif config.getoption("wsrpc_fuzz"):
            given = [
                Path(config.invocation_params.dir, argument.partition("::")[0]).resolve()
                for argument in config.args
            ]
            config.args = config.args + [
                str(path)
                for path in files
                if not any(path == one or one in path.parents for one in given)
            ]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Refuse globs and parameters that select nothing, before anything is run."""
        given = self.settings
        if not (given.include or given.exclude or given.params):
            return
        try:
            found = [
                endpoint
                for targets in self._targets.values()
                for one in targets
                for endpoint in self.endpoints(one)
            ]
        except Exception:  # of the application's own code: collecting it shows that
            return
        faults = selection.faults(self.config, given, found)
        # the ini file may be meant for other applications than the one on the command line
        is_meant = not self.config.getoption("wsrpc_fuzz")
        for fault in faults:
            if is_meant or fault.startswith("--"):
                raise pytest.UsageError(fault)
        self._warnings = [f"warning: {fault}" for fault in faults]

    def endpoints(self, target: Target) -> list[Endpoint]:
        """Return an application's endpoints; raises what the application's own code raises."""
        if target.spec not in self._endpoints:
            self._endpoints[target.spec] = endpoints_of_target(target)
        return self._endpoints[target.spec]

    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(
        self, file_path: Path, parent: pytest.Collector
    ) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
        collectors = yield
        if file_path.name not in {path.name for path in self._targets}:
            return collectors
        targets = self._targets.get(file_path.resolve())
        if targets is None:
            return collectors
        # named for the fuzzer's sake alone, the file is no test module
        is_test = any(file_path.match(glob) for glob in self.config.getini("python_files"))
        others = [
            collector
            for collector in collectors
            if not self._alone and (is_test or not isinstance(collector, pytest.Module))
        ]
        return [*others, FuzzFile.make(parent, self, file_path, targets)]

    def not_applied(self, target: Target, subject: Subject, phase: Phase, reason: str) -> None:
        """Note a phase that gives no item."""
        self._not_applied[target.spec, subject.name, phase.name, reason] = None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        items = [item for item in session.items if isinstance(item, FuzzItem)]
        self._items_left = len(items)
        for item in items:
            key = (item.target.spec, item.subject.endpoint.path)
            self._bearers.setdefault(key, item.nodeid)

    # -- running

    def run(self, item: FuzzItem) -> None:
        """Run one item; raise `FuzzFailure` for what it has found."""
        deadline = self._deadline_of_next()
        host = self._host(item.target)
        endpoint = item.subject.endpoint
        try:
            path = check_handshake(host, endpoint, self.settings, self.config.rootpath)
            item.stash[_PATH] = path
            job = Job(
                item.nodeid,
                item.target.spec,
                item.subject,
                item.phase,
                path,
                self.settings,
                self.config.rootpath,
                deadline,
            )
            run = Run(job, host)
            try:
                findings = run.findings()
            finally:
                item.stash[_TALLY] = run.tally.as_json()
        except HandshakeFailure:
            bearer = self._bearers.get((item.target.spec, endpoint.path), item.nodeid)
            if bearer != item.nodeid:
                pytest.skip(f"{endpoint.path} refuses the handshake: see {bearer}")
            raise
        finally:
            if item.target.is_factory:
                host.close()
        if findings:
            for found in findings:
                item.user_properties.append(("wsrpc_check", found.failure.check))
            raise FuzzFailure(findings)

    def _host(self, target: Target) -> Host:
        if target.is_factory:
            return Host(target)
        if target.spec not in self._hosts:
            self._hosts[target.spec] = Host(target)
        return self._hosts[target.spec]

    def _deadline_of_next(self) -> float | None:
        """Give each item its share of the time that is left."""
        if self.settings.max_time is None:
            return None
        now = time.monotonic()
        if self._deadline is None:
            self._deadline = now + self.settings.max_time
        left = max(self._items_left, 1)
        self._items_left -= 1
        if now >= self._deadline:
            pytest.skip(f"--wsrpc-max-time: {self.settings.max_time:g} s are over")
        return now + (self._deadline - now) / left

    def pytest_sessionfinish(self) -> None:
        for host in self._hosts.values():
            host.close()
        output = getattr(self.config, "workeroutput", None)
        if output is not None:
            output["wsrpc_not_applied"] = [list(entry) for entry in self._not_applied]

    # -- reports

    def shown(self, item: FuzzItem, failure: FuzzFailure) -> _Text:
        """Return the text of an item's findings; a defect that was shown before is one line."""
        title = f"{item.subject.name}: {item.phase.name}"
        texts = []
        for found in failure.findings:
            first = self._shown.setdefault(found.failure.defect, item.nodeid)
            if first != item.nodeid:
                texts.append(report.folded(found.failure, title=title, first=first))
                continue
            test = reproduction.test_for(
                found, item.target, item.stash[_PATH], self.settings.headers
            )
            texts.append(
                report.finding(
                    found,
                    title=title,
                    repeat=again.command(self.config, self.settings, item.target.spec, item.nodeid),
                    test=test,
                    root=self.config.rootpath,
                )
            )
        return _Text("\n\n".join(texts), str(failure))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        made = yield
        if isinstance(item, FuzzItem) and made.when == "call":
            setattr(made, _ATTRIBUTE, item.stash.get(_TALLY, None))
            # what hundreds of cases have logged is no help to anyone
            made.sections = [
                section for section in made.sections if not section[0].startswith("Captured")
            ]
        return made

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        tally = getattr(report, _ATTRIBUTE, None)
        if tally is not None:
            self._tallies.append(tally)

    def pytest_report_header(self) -> str:
        return f"wsrpc fuzz: {', '.join(self.settings.targets)}, {self.settings.seed}"

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        terminalreporter.section("wsrpc fuzz")
        notes = [*self._warnings, str(self.settings.seed)]
        for line in report.summary(self._tallies, self._not_applied, notes):
            terminalreporter.write_line(line)

    # -- pytest-xdist

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        output = getattr(node, "workeroutput", None) or {}
        for entry in output.get("wsrpc_not_applied", ()):
            self._not_applied[tuple(entry)] = None
