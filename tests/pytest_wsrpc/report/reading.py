"""A page as a tree, and what any reader of it relies on."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

VOID = frozenset({"meta", "link", "br"})


class Node:
    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.parts: list[Node | str] = []

    @property
    def text(self) -> str:
        return "".join(part if isinstance(part, str) else part.text for part in self.parts)

    @property
    def words(self) -> str:
        return " ".join(self.text.split())

    def walk(self) -> Iterator[Node]:
        yield self
        for part in self.parts:
            if isinstance(part, Node):
                yield from part.walk()

    def all(self, tag: str = "", **attributes: str) -> list[Node]:
        """Return the elements of this name below, and with these attributes: ``class_`` is one."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            node
            for node in self.walk()
            if (not tag or node.tag == tag)
            and all(
                value in node.attributes.get(name, "").split() for name, value in wanted.items()
            )
        ]

    def one(self, tag: str = "", **attributes: str) -> Node:
        [found] = self.all(tag, **attributes)
        return found

    def by_id(self, id: str) -> Node:
        [found] = [node for node in self.walk() if node.attributes.get("id") == id]
        return found


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Node("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].parts.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].parts.append(data)


def read(html: str) -> Node:
    """Return the tree of a page that any reader can use, wherever it is opened."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    root = parser.root
    assert parser.open == [root], "an element is not closed"
    _asks_nobody(root)
    _names_lead_somewhere(root)
    _has_landmarks(root)
    return root


def _asks_nobody(root: Node) -> None:
    for node in root.walk():
        assert not node.attributes.keys() & {"src", "srcset", "action", "style", "data", "poster"}
        assert not [name for name in node.attributes if name.startswith("on")]
        href = node.attributes.get("href", "#")
        assert href.startswith("#") or (node.tag, href) == ("link", "data:,")
    for tag in ("style", "script"):
        assert "//" not in root.one(tag).text.replace("// ", "")
        assert "@import" not in root.one(tag).text
        assert "url(" not in root.one(tag).text
    assert not root.all("img")
    assert not root.all("iframe")


def _names_lead_somewhere(root: Node) -> None:
    ids = [node.attributes["id"] for node in root.walk() if "id" in node.attributes]
    assert len(ids) == len(set(ids))
    for node in root.walk():
        for name in ("aria-labelledby", "data-copies"):
            assert node.attributes.get(name, ids[0]) in ids
        if node.tag == "a":
            assert node.attributes["href"][1:] in ids
        if node.tag == "button":
            assert node.attributes["aria-label"].startswith(node.words)
        if "tabindex" in node.attributes:
            assert node.attributes["tabindex"] == "0"
            assert node.attributes["role"] == "region"
            assert node.attributes.keys() & {"aria-label", "aria-labelledby"}


def _has_landmarks(root: Node) -> None:
    html = root.one("html")
    assert html.attributes["lang"] == "en"
    assert html.one("title").words
    for tag in ("header", "main", "nav", "h1"):
        html.one(tag)
    assert html.one("nav").attributes["aria-label"]
    assert html.one("a", class_="skip").attributes["href"] == "#content"
    assert html.by_id("content").tag == "main"
    assert html.by_id("status").attributes["role"] == "status"
    level = 0
    for node in html.walk():
        if node.tag in ("h1", "h2", "h3", "h4"):
            assert int(node.tag[1]) <= level + 1, f"{node.words}: a level of headings is missing"
            level = int(node.tag[1])
    for table in html.all("table"):
        assert table.one("caption").words
        assert {th.attributes["scope"] for th in table.all("th")} == {"col", "row"}
