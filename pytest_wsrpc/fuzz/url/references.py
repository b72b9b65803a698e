"""A document of several files, and where its references lead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

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

    def child(self, key: str | int) -> Node:
        """Return a part of it, which must be there."""
        escaped = str(key).replace("~", "~0").replace("/", "~1")
        return Node(self.value[key], self.base, f"{self.pointer}/{escaped}")

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
            node = self.at(node, node.value["$ref"])
        return node

    def at(self, node: Node, reference: str, scope: Node | None = None) -> Node:
        """Return where a reference of a part leads; raises `BadDocument`.

        What is not there from the root of the file on is looked for in `scope`, as of a schema that
        was put into the document with its own definitions.
        """
        uri, _, fragment = reference.partition("#")
        base = urljoin(node.base, uri) if uri else node.base
        if urlsplit(base).scheme == FILE != urlsplit(node.base).scheme:
            raise BadDocument(f"{node}: {reference!r} leads from the network to a file")
        pointer = unquote(fragment)
        if pointer and not pointer.startswith("/"):
            raise BadDocument(
                f"{node}: {reference!r} is no JSON pointer, such as '#/components/...'"
            )
        found = self._walk(self.root(base), pointer)
        if found is None and scope is not None and not uri:
            found = self._walk(scope, pointer)
        if found is None:
            where = "" if base == node.base else f" in {name_of(base)}"
            raise BadDocument(f"{node}: {reference!r} leads nowhere{where}")
        return found

    def _walk(self, node: Node, pointer: str) -> Node | None:
        for part in pointer.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            node = self.follow(node)
            if isinstance(node.value, list) and name.isdecimal() and int(name) < len(node.value):
                node = node.child(int(name))
            elif isinstance(node.value, dict) and name in node.value:
                node = node.child(name)
            else:
                return None
        return node
