"""A document of several files, and where its references lead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from pytest_wsrpc.strategies.schema.document import escaped

from .fetching import FILE, BadDocument, Fetcher, name_of, value_of


@dataclass(frozen=True, eq=False)
class Node:
    """A part of a document, and where it stands."""

    value: Any
    base: str
    """The URL of the file."""
    pointer: str = ""

    @property
    def place(self) -> tuple[str, str]:
        """What tells it from other parts."""
        return self.base, self.pointer

    def __str__(self) -> str:
        """Say where it is, for a person."""
        return f"#{self.pointer or '/'}"

    def is_in(self, other: Node) -> bool:
        """Tell whether it is a part of another."""
        return self.base == other.base and self.pointer.startswith(f"{other.pointer}/")

    def child(self, key: str | int) -> Node:
        """Return a part of it, which must be there."""
        return Node(self.value[key], self.base, f"{self.pointer}/{escaped(str(key))}")

    def get(self, key: str) -> Node | None:
        """Return a part of it, None where it has none."""
        return self.child(key) if isinstance(self.value, dict) and key in self.value else None

    def children(self, key: str) -> Iterator[Node]:
        """Yield the parts of a list or an object, if it has one of this name."""
        whole = self.get(key)
        if whole is not None and isinstance(whole.value, dict):
            yield from map(whole.child, whole.value)
        elif whole is not None and isinstance(whole.value, list):
            yield from map(whole.child, range(len(whole.value)))


class Documents:
    """All files that one refers to, each read once."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._files: dict[str, Any] = {}

    def root(self, base: str) -> Node:
        """Return a whole file; raises `BadDocument`."""
        if base not in self._files:
            self._files[base] = value_of(self._fetcher.text(base), base)
        return Node(self._files[base], base)

    def follow(self, node: Node) -> Node:
        """Return what a part stands for: itself, or where its reference leads in the end."""
        seen = set()
        while isinstance(node.value, dict) and isinstance(node.value.get("$ref"), str):
            if node.place in seen:
                raise BadDocument(f"{node}: the reference leads back to itself")
            seen.add(node.place)
            node = self.at(node, node.value["$ref"], node)
        return node

    def at(self, node: Node, reference: str, scope: Node) -> Node:
        """Return where a reference of a part leads; raises `BadDocument`.

        What is not there from the root of the file on is looked for in `scope`, as of a schema that
        was put into the document with its own definitions.
        """
        uri, _, fragment = reference.partition("#")
        try:
            base = urljoin(node.base, uri) if uri else node.base
        except ValueError as error:
            raise BadDocument(f"{node}: {reference!r} is no reference: {error}") from None
        if urlsplit(base).scheme == FILE != urlsplit(node.base).scheme:
            raise BadDocument(f"{node}: {reference!r} leads from the network to a file")
        pointer = unquote(fragment)
        if pointer and not pointer.startswith("/"):
            raise BadDocument(
                f"{node}: {reference!r} is no JSON pointer, such as '#/components/...'"
            )
        try:
            found = self._walk(self.root(base), pointer)
            if found is None and not uri:
                own = {key: part for key, part in scope.value.items() if key != "$ref"}
                found = self._walk(Node(own, scope.base, scope.pointer), pointer)
        except RecursionError:
            raise BadDocument(f"{node}: the reference leads back to itself") from None
        if found is None:
            where = "" if base == node.base else f" in {name_of(base)}"
            raise BadDocument(f"{node}: {reference!r} leads nowhere{where}")
        return found

    def _walk(self, node: Node, pointer: str) -> Node | None:
        for part in pointer.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            found = _part(node, name) or _part(self.follow(node), name)
            if found is None:
                return None
            node = found
        return node


def _part(node: Node, name: str) -> Node | None:
    if isinstance(node.value, list) and name.isdecimal() and int(name) < len(node.value):
        return node.child(int(name))
    return node.get(name)
