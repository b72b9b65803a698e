"""What the site needs beside the pages: they are written for GitHub and for the tests, too."""

from __future__ import annotations

import logging
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

DOCS = Path(__file__).parent
ROOT = DOCS.parent

_log = logging.getLogger("mkdocs.hooks.site")

_SET_UP = re.compile(r"^<!--.*?-->\n", re.M | re.S)
_FRAME = re.compile(r"^```json (send|receive)$", re.M)
_FRAME_TITLES = {"send": "the client sends", "receive": "the server sends"}
_PICTURE = re.compile(
    r'<picture>\n<source media="\(prefers-color-scheme: dark\)" srcset="([^"]+)">\n'
    r'<img src="([^"]+)"([^>]*)>\n</picture>'
)
_UPWARDS = re.compile(r"\]\((\.\./[\w./-]+)\)")
_LANGUAGES = {".py": "python", ".toml": "toml"}

_LOADING = {
    "audio": ("src",),
    "embed": ("src",),
    "feimage": ("href", "xlink:href"),
    "iframe": ("src",),
    "image": ("href", "xlink:href"),
    "img": ("src", "srcset"),
    "input": ("src",),
    "link": ("href",),
    "object": ("data",),
    "script": ("src", "href", "xlink:href"),
    "source": ("src", "srcset"),
    "use": ("href", "xlink:href"),
    "video": ("src", "poster"),
}
"""The attributes that make a browser ask for something at once; a link in the text is none."""

_OTHER_HOST = re.compile(r"(?:^|[\s,])((?:https?:)?//[^\s,]+)")

_CSS_URL = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""")


def readable(markdown: str) -> str:
    """Take out the set-up of the tests, and say who sends what in the blocks of a conversation.

    A picture that is another one in the dark follows the site's own switch, not only the reader's
    system.
    """
    markdown = _SET_UP.sub("", markdown)
    markdown = _PICTURE.sub(r'<img src="\2#only-light"\3>\n<img src="\1#only-dark"\3>', markdown)
    return _FRAME.sub(lambda found: f'```json title="{_FRAME_TITLES[found[1]]}"', markdown)


def asked_of_others(text: str, *, css: bool = False) -> list[str]:
    """Return the addresses of other hosts that a browser asks to show a page or a style sheet.

    A page is HTML or SVG.
    """
    if css:
        return _CSS_URL.findall(text)
    reader = _Reader()
    reader.feed(text)
    return reader.asked


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if values.get("rel") != "canonical":
            for name in _LOADING.get(tag, ()):
                self.asked += _OTHER_HOST.findall(values.get(name, ""))
        for value in values.values():  # the style, and what SVG has beside it, such as a filter
            self.asked += _CSS_URL.findall(value)

    def handle_pi(self, data: str) -> None:
        if data.startswith("xml-stylesheet"):
            self.asked += _OTHER_HOST.findall(data.replace('"', " ").replace("'", " "))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "style":
            self.asked += _CSS_URL.findall(data)


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add a page for each file of the project, outside of docs/, that a page links to."""
    from mkdocs.structure.files import File, InclusionLevel

    pages = [Path(config.docs_dir, file.src_uri) for file in files.documentation_pages()]
    sources = {source for page in pages for source in outside(page.read_text(), page).values()}
    for source in sorted(sources):
        shown = File.generated(config, _page_of(source), content=_shown(source))
        shown.inclusion = InclusionLevel.NOT_IN_NAV
        files.append(shown)
    return files


def outside(markdown: str, page: Path) -> dict[str, Path]:
    """Return the links of a page to files of the project that are not in docs/."""
    targets = {link: (page.parent / link).resolve() for link in _UPWARDS.findall(markdown)}
    return {
        link: target
        for link, target in targets.items()
        if target.is_file() and not target.is_relative_to(DOCS)
    }


def _page_of(source: Path) -> str:
    return f"source/{source.relative_to(ROOT).as_posix()}.md"


def _shown(source: Path) -> str:
    language = _LANGUAGES.get(source.suffix, "text")
    return f"# {source.relative_to(ROOT)}\n\n````{language}\n{source.read_text()}````\n"


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Make a page readable; its links to other files of the project lead to their pages."""
    here = DOCS / page.file.src_uri
    links = outside(markdown, here)

    def lead(found: re.Match[str]) -> str:
        source = links.get(found[1])
        if source is None:
            return found[0]
        up = "../" * (len(here.relative_to(DOCS).parts) - 1)
        return f"]({up}{_page_of(source)})"

    return _UPWARDS.sub(lead, readable(markdown))


def on_post_build(*, config: MkDocsConfig) -> None:
    """Warn, and so end a strict build, where a file would ask another host for anything."""
    site = Path(config.site_dir)
    for path in [path for kind in ("html", "css", "svg") for path in site.rglob(f"*.{kind}")]:
        for address in asked_of_others(path.read_text(), css=path.suffix == ".css"):
            _log.warning("%s asks another host: %s", path.relative_to(site), address)
