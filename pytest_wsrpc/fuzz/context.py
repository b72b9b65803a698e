"""What a run of pytest says to the fuzzer: options, settings and hooks, read once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from .endpoints import Endpoint
from .headers import merged
from .rules import HookError, Rules
from .settings import Settings, read


class Context(NamedTuple):
    """The settings of a run, and the hooks that its conftest.py files have."""

    settings: Settings
    rules: Rules

    def guided(self, endpoint: Endpoint) -> Endpoint:
        """Return an endpoint that knows what the hooks say about it."""
        return replace(endpoint, rules=self.rules)

    def settings_for(self, endpoint: Endpoint) -> Settings:
        """Return the settings with the headers that the hooks give for an endpoint."""
        headers = merged(self.settings.headers, self.rules.headers(endpoint.path))
        return replace(self.settings, headers=headers)


_CONTEXT = pytest.StashKey[Context]()


def context_of(config: pytest.Config) -> Context:
    """Return the context of a run; what has no meaning raises `pytest.UsageError`."""
    known = config.stash.get(_CONTEXT, None)
    if known is None:
        add_checks(config)  # first, as the settings name them
        settings = read(config)
        known = Context(settings, _rules(config.hook, config, settings))
        config.stash[_CONTEXT] = known
    return known


def add_checks(config: pytest.Config) -> None:
    """Register the checks that the hooks of the conftest.py files give."""
    try:
        Rules(config.hook, config.rootpath).add_checks()
    except HookError as error:
        raise pytest.UsageError(str(error)) from None


def context_for(hook: Any, config: pytest.Config) -> Context:
    """Return the context with the hooks that count for some file, of a node's ``ihook``."""
    settings = context_of(config).settings
    return Context(settings, _rules(hook, config, settings))


def _rules(hook: Any, config: pytest.Config, settings: Settings) -> Rules:
    return Rules(hook, config.rootpath, settings.fuzzes)
