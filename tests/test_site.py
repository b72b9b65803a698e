"""The site of docs/: what its hooks do, and that its reference names all that is public.

`.ci/run` builds it; what builds it is in the group ``docs``, and not needed here.
"""

import importlib
import importlib.util
import inspect
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def load(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hooks = load("hooks")


@pytest.fixture
def extension(monkeypatch):
    griffe = SimpleNamespace(Extension=object, Parameters=lambda *own: own)
    monkeypatch.setitem(sys.modules, "griffe", griffe)
    return load("reference_extension")


def test_set_up_is_not_shown_and_conversations_say_who_speaks():
    page = (
        "One.\n\n<!-- The set-up.\n```python\nx = 1\n```\n\n```json receive\n{}\n```\n-->\n\n"
        "```json send\n{}\n```\n\n```json receive\n[]\n```\n\n```json\n1\n```\n"
    )
    assert hooks.readable(page) == (
        'One.\n\n\n```json title="the client sends"\n{}\n```\n\n'
        '```json title="the server sends"\n[]\n```\n\n```json\n1\n```\n'
    )


def test_pictures_for_the_dark_follow_the_switch_of_the_site():
    page = (
        '<figure>\n<picture>\n<source media="(prefers-color-scheme: dark)" srcset="a-dark.png">\n'
        '<img src="a.png" alt="An a">\n</picture>\n</figure>\n'
    )
    assert hooks.readable(page) == (
        '<figure>\n<img src="a.png#only-light" alt="An a">\n'
        '<img src="a-dark.png#only-dark" alt="An a">\n</figure>\n'
    )
    narrow = page.replace("prefers-color-scheme: dark", "max-width: 600px")
    assert hooks.readable(narrow) == narrow


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_no_page_shows_its_set_up(path):
    shown = hooks.readable(path.read_text())
    assert "-->" not in re.sub(r"^```.*?^```$", "", shown, flags=re.M | re.S)
    assert not re.search(r"^```\w+ (?!title=)", shown, re.M)


@pytest.mark.parametrize(
    ("page", "asked"),
    [
        ('<a href="https://example.org">there</a>', []),
        ('<script src="assets/a.js"></script><img src="data:image/png;base64,">', []),
        ('<link rel="canonical" href="https://example.org/">', []),
        ('<script src="https://example.org/a.js">', ["https://example.org/a.js"]),
        ('<img src="//example.org/a.png"/>', ["//example.org/a.png"]),
        ('<link rel="stylesheet" href="http://example.org/a.css">', ["http://example.org/a.css"]),
        ('<p style="background: url(https://example.org/a)">', ["https://example.org/a"]),
        ('<style>@import "https://example.org/a.css";</style>', ["https://example.org/a.css"]),
        ("<p>As in</p><pre>url(https://example.org/a)</pre>", []),
        (
            '<source srcset="a.png 1x, https://example.org/b.png 2x">',
            ["https://example.org/b.png"],
        ),
        ('<video poster="//example.org/a.png">', ["//example.org/a.png"]),
        ('<svg xmlns="http://www.w3.org/2000/svg"><use href="#a"/></svg>', []),
        ('<svg><image xlink:href="https://example.org/a"/></svg>', ["https://example.org/a"]),
        ('<svg><rect filter="url(https://example.org/a)"/></svg>', ["https://example.org/a"]),
        ('<svg><use href="https://example.org/a#b"/></svg>', ["https://example.org/a#b"]),
        ('<svg><feImage href="//example.org/a"/></svg>', ["//example.org/a"]),
        (
            '<?xml-stylesheet href="https://example.org/a.css"?><svg/>',
            ["https://example.org/a.css"],
        ),
    ],
)
def test_what_a_page_asks_other_hosts_for_is_found(page, asked):
    assert hooks.asked_of_others(page) == asked


def test_what_a_style_sheet_asks_other_hosts_for_is_found():
    sheet = '@import "https://example.org/a.css"; p { background: url(//example.org/b.png) }'
    assert hooks.asked_of_others(sheet, css=True) == [
        "https://example.org/a.css",
        "//example.org/b.png",
    ]
    assert hooks.asked_of_others("p { background: url(a.png) }", css=True) == []


def test_a_page_or_sheet_that_asks_another_host_is_a_warning(tmp_path, caplog):
    (tmp_path / "a.html").write_text('<img src="https://example.org/a.png">')
    (tmp_path / "b.css").write_text("p { background: url(https://example.org/b.png) }")
    (tmp_path / "c.html").write_text('<a href="https://example.org">there</a>')
    (tmp_path / "d.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg"><style>'
        "@font-face { src: url('https://example.org/d.woff2') }</style></svg>"
    )
    hooks.on_post_build(config=SimpleNamespace(site_dir=str(tmp_path)))
    assert sorted(caplog.messages) == [
        "a.html asks another host: https://example.org/a.png",
        "b.css asks another host: https://example.org/b.png",
        "d.svg asks another host: https://example.org/d.woff2",
    ]


def test_links_to_files_outside_of_docs_lead_to_pages_that_show_them():
    def shown(markdown, page):
        file = SimpleNamespace(src_uri=page)
        return hooks.on_page_markdown(markdown, page=SimpleNamespace(file=file))

    link = "[one](../examples/tcp_bus.py), [two](broker.md)"
    assert shown(link, "broker.md") == "[one](source/examples/tcp_bus.py.md), [two](broker.md)"
    assert shown("[up](../server.md)", "reference/views.md") == "[up](../server.md)"
    assert (
        shown("[one](../../examples/tcp_bus.py)", "reference/views.md")
        == "[one](../source/examples/tcp_bus.py.md)"
    )


def test_literal_blocks_and_sessions_of_docstrings_become_fences(extension):
    text = "Do it.\n\nExample::\n\n    def one():\n        return 1\n\n    two()\n\nThen that.\n"
    assert extension.markdown(text) == (
        "Do it.\n\nExample:\n\n```python\ndef one():\n    return 1\n\ntwo()\n```\n\nThen that."
    )
    assert extension.markdown("As here.\n\n::\n\n    one()") == "As here.\n\n```python\none()\n```"
    assert extension.markdown("::\n\n    A\n    └── B") == "```text\nA\n└── B\n```"
    assert extension.markdown("::\n\n    await one()") == "```python\nawait one()\n```"
    assert extension.markdown("It is:\n\n>>> one()\n1\n\nSo.") == (
        "It is:\n\n```pycon\n>>> one()\n1\n```\n\nSo."
    )
    assert extension.markdown("No ``a::b`` is changed.") == "No ``a::b`` is changed."


def test_every_object_with_a_docstring_is_changed(extension):
    documented = SimpleNamespace(docstring=SimpleNamespace(value="Thus::\n\n    one()\n"))
    extension.Reference().on_object(obj=documented)
    extension.Reference().on_object(obj=SimpleNamespace(docstring=None))
    assert documented.docstring.value == "Thus:\n\n```python\none()\n```"


def test_a_composite_strategy_is_shown_as_it_is_called(extension):
    composite = SimpleNamespace(
        decorators=[SimpleNamespace(value="st.composite")],
        parameters=["draw", "app"],
        returns="int",
    )
    plain = SimpleNamespace(decorators=[], parameters=["app"], returns="int")
    for function in (composite, plain):
        extension.Reference().on_function(func=function)
    assert (composite.parameters, composite.returns) == (("app",), "SearchStrategy[int]")
    assert (plain.parameters, plain.returns) == (["app"], "int")


def named(prefix=""):
    """Return what the reference pages name, in order."""
    pages = "\n".join(path.read_text() for path in sorted((DOCS / "reference").glob("*.md")))
    return re.findall(rf"^::: {re.escape(prefix)}(\S+)$", pages, re.M)


NAMES = [
    ("wsrpc", {"Publisher", "RedisBroker", "errors"}, set()),
    ("wsrpc.asyncapi", set(), set()),
    ("pytest_wsrpc", set(), set()),
    ("pytest_wsrpc.fuzz", set(), set()),
    ("pytest_wsrpc.strategies", set(), set()),
    (
        "pytest_wsrpc.stateful",
        set(),
        {"Bundle", "consumes", "multiple", "run_state_machine_as_test", "RpcStateMachine"},
    ),
]
"""Packages, with what they have beside ``__all__``, and what is hypothesis' or shown elsewhere."""


@pytest.mark.parametrize(
    ("package", "besides", "elsewhere"), NAMES, ids=[name for name, *_ in NAMES]
)
def test_the_reference_has_every_public_name_once(package, besides, elsewhere):
    public = {*importlib.import_module(package).__all__} | besides
    shown = [re.sub(r"^(\w+)\.\1$", r"\1", name) for name in named(f"{package}.")]
    shown = [name for name in shown if "." not in name]
    assert sorted(shown) == sorted(public - elsewhere)


def test_the_members_that_the_reference_chooses_exist():
    pages = "\n".join(path.read_text() for path in (DOCS / "reference").glob("*.md"))
    chosen = re.findall(
        r"^::: (\S+)\n    options:\n      members:\n((?:        - \S+\n?)+)", pages, re.M
    )
    assert len(chosen) > 5
    for path, members in chosen:
        module, _, name = path.rpartition(".")
        cls = getattr(importlib.import_module(module), name)
        source = "".join(inspect.getsource(base) for base in cls.__mro__[:-1])
        for member in re.findall(r"- (\S+)", members):
            is_set = re.search(rf"^ +(?:self\.)?{member}\b[^=(]*[:=]", source, re.M)
            assert hasattr(cls, member) or is_set, f"{path}.{member}"


def test_the_reference_has_every_fixture_and_hook():
    fixtures = importlib.import_module("pytest_wsrpc.fixtures")
    all_fixtures = {
        name for name, value in vars(fixtures).items() if "FixtureFunction" in type(value).__name__
    }
    assert set(named("pytest_wsrpc.fixtures.")) == all_fixtures
    module = importlib.import_module("pytest_wsrpc.fuzz.hooks")
    all_hooks = {name for name in vars(module) if name.startswith("pytest_wsrpc_")}
    assert set(named("pytest_wsrpc.fuzz.hooks.")) == all_hooks


def test_the_navigation_has_every_page_once():
    listed = re.findall(r": ([\w/-]+\.md)$", (ROOT / ".mkdocs.yml").read_text(), re.M)
    pages = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")]
    assert sorted(listed) == sorted(pages)
