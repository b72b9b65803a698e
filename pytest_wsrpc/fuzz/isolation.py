"""Which items play each case in a process of its own, and what others leave out because of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import pytest

from ..seeds import RANDOM, Seed
from .collection import FuzzItem
from .dangers import dangers
from .endpoints import Endpoint
from .phases import Subject
from .rescue import LastResort, Unfinished
from .serving import Host
from .settings import Settings


@dataclass(frozen=True)
class Isolated:
    """How an item is to be run."""

    subject: Subject
    settings: Settings
    is_apart: bool = False
    """Whether each case needs a process of its own."""
    warnings: tuple[str, ...] = ()


class Isolation:
    """Keeps what cannot be interrupted, or ends the process, from ending the run."""

    def __init__(self, config: pytest.Config) -> None:
        self._last_resort = LastResort()
        self._unfinished = Unfinished(config)
        self._dangers: dict[tuple[str, str], dict[str, str]] = {}

    def close(self) -> None:
        """Give back what it holds."""
        self._last_resort.close()

    def noted(self, item: FuzzItem, seed: int) -> AbstractContextManager[int | None]:
        """Note an item while it runs; gives the seed with which its process ended before."""
        return self._unfinished.noted(item.nodeid, seed)

    def armed(self) -> AbstractContextManager[None]:
        """Have the process end within the block where nobody puts that off any more."""
        return self._last_resort.armed()

    def put_off(self) -> None:
        """Say that this process goes on."""
        self._last_resort.put_off()

    def of(
        self,
        item: FuzzItem,
        settings: Settings,
        make: Callable[[], Host],
        path: str,
        unfinished: int | None,
    ) -> Isolated:
        """Return how to run an item; raises `StartHangs`.

        A fixture's application, or one that is not made anew, cannot be taken to another process.
        """
        subject = item.subject
        if not item.target.is_factory or item.applications is not None:
            return Isolated(subject, settings)
        found = self._dangers_of(item, settings, make, path)
        warnings: tuple[str, ...] = ()
        if unfinished is not None:
            if settings.seed.origin == RANDOM:
                settings = replace(settings, seed=Seed(unfinished, "of the run that it ended"))
            warnings = (
                f"its process ended or hung in the last run (seed {unfinished}), so that now each "
                "case is played in one of its own",
            )
        if subject.method is not None:
            is_apart = unfinished is not None or subject.method.name in found
            return Isolated(subject, settings, is_apart, warnings)
        if found:
            warnings += (f"not called here, only in their own items: {_told(found)}",)
        endpoint = _without(subject.endpoint, found)
        return Isolated(Subject(endpoint), settings, unfinished is not None, warnings)

    def _dangers_of(
        self, item: FuzzItem, settings: Settings, make: Callable[[], Host], path: str
    ) -> dict[str, str]:
        endpoint = item.subject.endpoint
        key = (item.target.spec, endpoint.path)
        if key not in self._dangers:
            self._dangers[key] = dangers(make, endpoint, path, settings)
        return self._dangers[key]


def _told(found: dict[str, str]) -> str:
    return "; ".join(f"{name} ({does})" for name, does in found.items())


def _without(endpoint: Endpoint, names: dict[str, str]) -> Endpoint:
    methods = {name: method for name, method in endpoint.methods.items() if name not in names}
    return replace(endpoint, methods=methods) if names else endpoint
