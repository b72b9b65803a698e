"""The fuzzer's items: functions below a file, as pytest has them everywhere else.

``myapp.py::create_app::/stream::add::accepts``
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import traces
from .endpoints import Endpoint
from .failure import FuzzFailure
from .fixture_target import Applications, FixtureTarget, asks_for
from .folding import SHOWN, text_of
from .handshake import HandshakeFailure
from .phases import PHASES, Phase, Subject
from .registry import BrokenCheck
from .rules import HookError
from .target import Target
from .url.phases import adapted

if TYPE_CHECKING:
    from .session import FuzzPlugin

MARKER = "wsrpc_fuzz"


class FuzzFile(pytest.Module):
    """The file of the module that has the application, or what makes it.

    A module, so that fixtures of every scope have a node to belong to; its own tests are not
    collected here.
    """

    plugin: FuzzPlugin
    targets: Sequence[Target]

    @classmethod
    def make(
        cls, parent: pytest.Collector, plugin: FuzzPlugin, path: Path, targets: Sequence[Target]
    ) -> FuzzFile:
        """Return the collector of the targets in one file."""
        file: FuzzFile = cls.from_parent(parent, path=path)
        file.obj = targets[0].module
        file.plugin = plugin
        file.targets = targets
        file.add_marker(MARKER)
        if plugin.settings.fixtures:
            file.add_marker(pytest.mark.usefixtures(*plugin.settings.fixtures))
        if any(isinstance(target, FixtureTarget) for target in targets):
            file.add_marker(pytest.mark.wsrpc(clock="virtual"))
        return file

    def collect(self) -> Iterator[pytest.Collector]:
        """Give the applications of the file."""
        for target in self.targets:
            yield _Application.make(self, target.attribute, plugin=self.plugin, target=target)


class _Node(pytest.Collector):
    plugin: FuzzPlugin
    target: Target

    @classmethod
    def make(cls, parent: pytest.Collector, name: str, **attributes: Any) -> _Node:
        node = cls.from_parent(parent, name=name)
        vars(node).update(attributes)
        return node

    def skip_reason(self, subject: Subject, phase: Phase) -> str | None:
        """Return why the user's hook has an item skipped, None if it has not."""
        method = subject.method.name if subject.method else None
        try:
            return self.plugin.rules.skip(subject.endpoint.path, method, phase.name)
        except HookError as error:
            raise self.CollectError(str(error)) from None

    def children(self, name: str, kind: type[_Node], **attributes: Any) -> _Node:
        return kind.make(self, name, plugin=self.plugin, target=self.target, **attributes)


class _Application(_Node):
    def collect(self) -> Iterator[pytest.Collector]:
        """Give the endpoints of the application."""
        endpoints = self._endpoints()
        if not endpoints:
            raise self.CollectError(
                f"{self.target.spec} has no websocket endpoint: none of its routes leads to a view "
                "with WsPathMixin"
            )
        for endpoint in endpoints:
            yield self.children(endpoint.id, _EndpointNode, endpoint=endpoint)

    def _endpoints(self) -> list[Endpoint]:
        try:
            return self.plugin.endpoints(self.target, self)
        except Exception as error:  # whatever the application's own code raises
            shown = traces.render(error, self.config.rootpath)
            raise self.CollectError(f"{self.target.spec} failed\n{shown}") from None


class _EndpointNode(_Node):
    endpoint: Endpoint

    def collect(self) -> Iterator[pytest.Collector | pytest.Item]:
        """Give the methods, then the items of the endpoint itself."""
        for method in self.endpoint.methods.values():
            if self.plugin.settings.fuzzes(method.name):
                yield self.children(
                    method.name, _MethodNode, subject=Subject(self.endpoint, method)
                )
        yield from _items(self, Subject(self.endpoint), "endpoint")


class _MethodNode(_Node):
    subject: Subject

    def collect(self) -> Iterator[pytest.Item]:
        """Give an item for each phase that applies to the method."""
        yield from _items(self, self.subject, "method")


def _items(parent: _Node, subject: Subject, scope: str) -> Iterator[FuzzItem]:
    for phase in PHASES:
        if phase.scope != scope:
            continue
        if parent.target.is_remote:
            there = adapted(phase)
            if isinstance(there, str):
                parent.plugin.not_applied(parent.target, subject, phase, there)
                continue
            phase = there
        reason = phase.not_applied(subject)
        if reason is None and phase.needs_fresh and not parent.target.is_factory:
            reason = "it needs a fresh application for each case: give what makes one"
        if reason is None:
            item = FuzzItem.make(parent, phase, subject)
            skipped = parent.skip_reason(subject, phase)
            if skipped is not None:
                item.add_marker(pytest.mark.skip(reason=skipped))
            yield item
        else:
            parent.plugin.not_applied(parent.target, subject, phase, reason)


class FuzzItem(pytest.Function):
    """One phase on one subject."""

    plugin: FuzzPlugin
    target: Target
    subject: Subject
    phase: Phase
    applications: Applications | None = None
    """Where a fixture is fuzzed, what it gives."""

    @classmethod
    def make(cls, parent: _Node, phase: Phase, subject: Subject) -> FuzzItem:
        """Return the item of a phase."""

        def fuzz() -> None:
            item.plugin.run(item)

        target = parent.target
        is_fixture = isinstance(target, FixtureTarget)
        function = asks_for(fuzz, target.attribute) if is_fixture else fuzz
        item: FuzzItem = cls.from_parent(parent, name=phase.name, callobj=function)
        if isinstance(target, FixtureTarget):
            item.applications = Applications(item, target)
        item.plugin, item.target = parent.plugin, parent.target
        item.subject, item.phase = subject, phase
        item.user_properties += item.properties()
        return item

    def properties(self) -> Iterator[tuple[str, object]]:
        """Yield what JUnit XML says of the item before it runs."""
        yield "wsrpc_target", self.target.spec
        yield "wsrpc_endpoint", self.subject.endpoint.path
        if self.subject.method is not None:
            yield "wsrpc_method", self.subject.method.name
        yield "wsrpc_phase", self.phase.name
        yield "wsrpc_seed", self.plugin.settings.seed.value

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Give the place of the method, where it is in the same file."""
        line = 0  # pytest's skip marker needs one
        if self.subject.method is not None:
            code = self.subject.method.function.__code__
            if code.co_filename == str(self.target.path):
                line = code.co_firstlineno - 1
        return self.path, line, self.nodeid.partition("::")[2]

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any) -> Any:
        """Show a finding by its conversation, an exception of the application's by its trace."""
        if isinstance(excinfo.value, FuzzFailure):
            return text_of(self.stash[SHOWN])
        if isinstance(excinfo.value, (HandshakeFailure, HookError, BrokenCheck)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, *args)
