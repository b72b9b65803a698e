"""The fuzzer's part in a pytest run: which items there are, running them, the summary."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from ..report import options as report_options
from . import again, fixture_target, report, reporting, reproduction, selection, target
from .budget import Budget
from .caselog import CaseLog
from .collection import MARKER, FuzzFile, FuzzItem
from .context import context_of
from .endpoints import Endpoint, endpoints_of_target
from .failure import Finding, FuzzFailure
from .folding import SHOWN, Shown
from .growth import small_heap
from .handshake import HandshakeFailure, check_handshake, gone_since, path_of
from .isolation import Isolation
from .item import Job, Run
from .login import login_of
from .memory import memory
from .phases import Phase, Subject
from .reporting import Reporter
from .serving import Host, ServerGone
from .target import Target
from .url import target as url_target
from .url.address import is_url
from .url.host import UrlHost
from .url.phases import NOT_MADE


def _host_of(item: FuzzItem) -> Host:
    if isinstance(item.target, url_target.UrlTarget):
        return UrlHost(item.target)
    if item.applications is not None:
        return fixture_target.host_of(item, item.applications)
    return Host(item.target)


class FuzzPlugin:
    """All of the fuzzer's hooks, registered when an application is to be fuzzed."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self._context = context_of(config)
        self.settings = self._context.settings
        self.rules = self._context.rules
        directory = config.invocation_params.dir
        self._targets: dict[Path, list[Target]] = {}
        for spec in dict.fromkeys(self.settings.targets):
            if is_url(spec):
                found: Target = url_target.find(spec, self.settings, config)
            elif spec.startswith(fixture_target.PREFIX):
                found = fixture_target.find(spec, config)
            else:
                found = target.find(spec, directory)
            self._targets.setdefault(found.path, []).append(found)
        self._endpoints: dict[str, list[Endpoint]] = {}
        self._reporter = Reporter(config, self.settings)
        self._alone = False
        self._hosts: dict[str, Host] = {}
        self._bearers: dict[tuple[str, str], str] = {}
        self._reached: set[str] = set()
        """Items that have got a connection."""
        self._places: dict[str, int] = {}
        self._items_left = 0
        self._deadline: float | None = None
        self._memory = memory()
        self._isolation = Isolation(config)

    # -- collection

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", f"{MARKER}: an item of the fuzzer")
        config.pluginmanager.register(self._reporter, reporting.NAME)
        self._choose_paths(config)

    def _choose_paths(self, config: pytest.Config) -> None:
        """With --wsrpc-fuzz and no path only the fuzzer's items run, with paths both do."""
        files = list(self._targets)
        if config.args_source is not pytest.Config.ArgsSource.ARGS:
            self._alone = bool(config.getoption("wsrpc_fuzz"))
            if self._alone:
                config.args = [str(path) for path in files]
                return
        elif not config.getoption("wsrpc_fuzz"):
            return
        # of a directory with one of its own files pytest 8 collects nothing but that file
        given = [
            Path(config.invocation_params.dir, argument.partition("::")[0]).resolve()
            for argument in config.args
        ]
        config.args = config.args + [
            str(path)
            for path in files
            if not any(path == one or self._is_collected_with(one, path) for one in given)
        ]

    def _is_collected_with(self, directory: Path, path: Path) -> bool:
        """Tell whether a file is below a directory; raises `pytest.UsageError` if it is hidden."""
        if directory not in path.parents:
            return False
        for one in path.parents[: path.parents.index(directory)]:
            if self.config.hook.pytest_ignore_collect(collection_path=one, config=self.config):
                raise pytest.UsageError(
                    f"the application to fuzz is in {path}, but pytest leaves {one} out of what it "
                    f"collects of {directory} (norecursedirs, or an option such as --ignore): run "
                    "the fuzzer alone, `pytest --wsrpc-fuzz ...` without a path"
                )
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Refuse globs and parameters that select nothing, before anything is run."""
        given = self.settings
        by_method = any(":" in entry for entry in given.excluded_checks)
        if not (given.include or given.exclude or given.params or by_method):
            return
        if any(spec.startswith(fixture_target.PREFIX) for spec in given.targets):
            return  # which methods there are shows only when it is collected
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
        self._reporter.warnings = faults

    def endpoints(self, target: Target, node: pytest.Collector | None = None) -> list[Endpoint]:
        """Return an application's endpoints; raises what the application's own code raises.

        A fixture is set up for `node`.
        """
        if target.spec not in self._endpoints:
            if isinstance(target, fixture_target.FixtureTarget):
                assert node is not None
                found = fixture_target.endpoints_of_fixture(target, node)
            elif isinstance(target, url_target.UrlTarget):
                found = target.endpoints()
            else:
                found = endpoints_of_target(target)
            if target.is_remote:
                self._not_made(target, found)
            self._endpoints[target.spec] = [self._context.guided(endpoint) for endpoint in found]
        return self._endpoints[target.spec]

    def _not_made(self, target: Target, endpoints: list[Endpoint]) -> None:
        """Note the checks that are not made of a server that is elsewhere."""
        for endpoint in endpoints:
            for checks, reason in NOT_MADE.items():
                entry = (target.spec, endpoint.path, checks, reason)
                self._reporter.not_applied[entry] = None

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
        self._reporter.not_applied[target.spec, subject.name, phase.name, reason] = None

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        if isinstance(item, FuzzItem):
            self._places[item.nodeid] = len(self._places)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the fuzzer's items in order, whoever shuffles: simple ones explain others."""
        indices = [index for index, item in enumerate(items) if isinstance(item, FuzzItem)]
        ours = sorted((items[index] for index in indices), key=lambda one: self._places[one.nodeid])
        for index, item in zip(indices, ours, strict=True):
            items[index] = item

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        items = [item for item in session.items if isinstance(item, FuzzItem)]
        self._items_left = len(items)
        for item in items:
            key = (item.target.spec, item.subject.endpoint.path)
            self._bearers.setdefault(key, item.nodeid)

    # -- running

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        item = request.node
        if not isinstance(item, FuzzItem) or item.applications is None:
            return (yield)
        with item.applications.record(fixturedef, request):
            return (yield)

    def run(self, item: FuzzItem) -> None:
        """Run one item; raise `FuzzFailure` for what it has found."""
        self._skip_if_over()
        endpoint = item.subject.endpoint
        with (
            small_heap(),
            self._isolation.noted(item, self.settings.seed.value) as unfinished,
        ):
            try:
                job, findings = self._findings(item, unfinished)
            except HandshakeFailure:
                bearer = self._bearers.get((item.target.spec, endpoint.path), item.nodeid)
                if bearer in self._reached:  # it was there, and is not any more
                    bearer = item.nodeid
                    self._bearers[item.target.spec, endpoint.path] = bearer
                if bearer != item.nodeid:
                    pytest.skip(f"{endpoint.path} refuses the handshake: see {bearer}")
                raise
        if findings:
            for found in findings:
                item.user_properties.append(("wsrpc_check", found.failure.check))
            item.stash[SHOWN] = [self._shown(found, item, job) for found in findings]
            raise FuzzFailure(findings)

    def _findings(self, item: FuzzItem, unfinished: int | None) -> tuple[Job, list[Finding]]:
        endpoint, method, root = item.subject.endpoint, item.subject.method, self.config.rootpath
        settings = self._context.settings_for(endpoint)
        login = login_of(
            self.rules,
            endpoint.path,
            method.name if method else None,
            settings.case_timeout,
            root,
        )

        def make() -> Host:
            made = self._host(item)
            made.login, made.alive = login, self._isolation.put_off
            return made

        path = path_of(endpoint, settings)
        how = self._isolation.of(item, settings, make, path, unfinished)
        deadline = self._deadline_of_next()
        reason = item.phase.not_applied(how.subject)
        if reason is not None:
            pytest.skip("; ".join([reason, *how.warnings]))
        job = Job(
            item.nodeid,
            item.target.spec,
            how.subject,
            item.phase,
            path,
            how.settings,
            root,
            Budget(deadline, self._memory),
            make if how.is_apart else None,
            self._case_log(),
        )
        host = make()
        run = Run(job, host)
        run.tally.warnings.extend(how.warnings)
        with self._isolation.armed():
            try:
                check_handshake(host, endpoint, settings, root)
                self._reached.add(item.nodeid)
                findings = run.findings()
            except ServerGone as gone:
                self._reached.discard(item.nodeid)
                said = run.last_words()
                raise gone_since(gone, endpoint, path, settings, root, said) from None
            finally:
                item.stash[reporting.TALLY] = run.tally.as_json()
                item.stash[reporting.CASES] = job.log.lines if job.log is not None else []
                item.user_properties.append(("wsrpc_cases", run.tally.cases))
                if item.target.is_factory:
                    host.close()
        if not run.tally.cases and not job.budget.is_left:
            pytest.skip(f"{reporting.OVER}: its share was over before its first case")
        return job, findings

    def _case_log(self) -> CaseLog | None:
        if not report_options.wants_cases(self.config):
            return None
        messages = report_options.wants_messages(self.config)
        return CaseLog(self.config.rootpath, with_messages=messages)

    def _host(self, item: FuzzItem) -> Host:
        target = item.target
        if target.is_factory:
            return _host_of(item)
        if target.spec not in self._hosts:
            self._hosts[target.spec] = _host_of(item)
        return self._hosts[target.spec]

    def _skip_if_over(self) -> None:
        """Skip what there is no time for; the time of all begins with the first item."""
        if self.settings.max_time is None:
            return
        now = time.monotonic()
        if self._deadline is None:
            self._deadline = now + self.settings.max_time
        if now >= self._deadline:
            pytest.skip(f"{reporting.OVER}: {self.settings.max_time:g} s are over")

    def _deadline_of_next(self) -> float:
        """Give each item its time, and no more than its share of all that is left."""
        now = time.monotonic()
        own = now + self.settings.item_time
        left = max(self._items_left, 1)
        self._items_left -= 1
        if self._deadline is None:
            return own
        return min(own, now + (self._deadline - now) / left)

    def pytest_sessionfinish(self) -> None:
        for host in self._hosts.values():
            host.close()
        self._isolation.close()
        output = getattr(self.config, "workeroutput", None)
        if output is not None:
            output["wsrpc_not_applied"] = [list(entry) for entry in self._reporter.not_applied]

    # -- reports

    def _shown(self, found: Finding, item: FuzzItem, job: Job) -> Shown:
        return Shown.of(
            found,
            job,
            report.head(found, f"{item.subject.name}: {item.phase.name}"),
            report.evidence(
                found,
                repeat=again.command(self.config, self.settings, item.target, item.nodeid),
                test=reproduction.test_for(found, item.target, job.path, job.settings.headers),
                root=self.config.rootpath,
                with_story=report_options.requested(self.config),
            ),
        )

    @property
    def specs(self) -> tuple[str, ...]:
        """What is fuzzed, by name."""
        return tuple(one.spec for targets in self._targets.values() for one in targets)

    def pytest_report_header(self) -> str:
        return f"wsrpc fuzz: {', '.join(self.specs)}, {self.settings.seed}"

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        self._reporter.summarize(terminalreporter)

    # -- pytest-xdist

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        output = getattr(node, "workeroutput", None) or {}
        for entry in output.get("wsrpc_not_applied", ()):
            self._reporter.not_applied[tuple(entry)] = None
