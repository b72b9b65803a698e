"""The pictures of docs/pictures/: each is shown, is made by the script, and tells what is so.

The picture of the fuzzer is compared with a run in test_examples.py.
"""

import re
import struct
import sys
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]


@pytest.fixture(scope="module")
def docs():
    """Import scripts of docs/ as one of them imports another."""
    sys.path.insert(0, str(DOCS))
    yield import_module
    sys.path.remove(str(DOCS))


@pytest.fixture(scope="module")
def pictures(docs):
    return docs("pictures")


@pytest.fixture(scope="module")
def terminal(docs):
    return docs("picture_terminal")


def shown_on(page):
    """Return the files that the pictures of a page are in."""
    return re.findall(r'(?:src|srcset)="([^"]+)"', page.read_text())


def test_every_picture_is_shown_and_made_and_there_are_no_others(pictures):
    shown = {(page.parent / file).resolve() for page in PAGES for file in shown_on(page)}
    assert shown == {DOCS / "pictures" / name for name in pictures.files()}
    assert shown == {*(DOCS / "pictures").iterdir()}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_picture_has_words_for_who_cannot_see_it(page):
    text = page.read_text()
    assert "![" not in re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), "as <figure>"
    assert text.count("<img ") == len(re.findall(r'<img [^>]*alt="[^"]{40,}"', text))
    for figure in re.findall(r"<figure.*?</figure>", text, re.S):
        assert re.search(r"<figcaption>[^<]{20,}</figcaption>", figure), figure


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_pictures_for_the_dark_and_for_phones_are_beside_the_others(page):
    for wide, name in re.findall(r'srcset="([^"]+)">\n<img src="([^"]+)"', page.read_text()):
        assert wide in (name.replace("-light.", "-dark."), name.replace(".svg", "-narrow.svg"))
        assert wide != name


def test_drawings_have_a_title_and_ask_no_other_host(docs):
    hooks = docs("hooks")
    for path in (DOCS / "pictures").glob("*.svg"):
        text = path.read_text()
        assert hooks.asked_of_others(text) == []
        assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', ""), path.name
        assert "prefers-color-scheme: dark" in text
        svg = ElementTree.fromstring(text)
        [title] = svg.iterfind("{http://www.w3.org/2000/svg}title")
        assert svg.get("role") == "img"
        assert svg.get("aria-labelledby") == title.get("id")
        assert len(title.text) > 20


def test_photographs_are_small_and_of_the_widths_of_a_desk_and_a_phone(docs, pictures):
    most = docs("picture_browser").MOST_BYTES
    for path in (DOCS / "pictures").glob("*.png"):
        content = path.read_bytes()
        assert len(content) < most
        width, _ = struct.unpack(">II", content[16:24])
        assert width == (pictures.PHONE * 2 if "-phone-" in path.name else pictures.DESK * 1.5)


def test_terminals_show_what_the_page_shows_whose_blocks_run(pictures, terminal):
    for picture in pictures.TERMINALS:
        if picture.page:
            text = (DOCS / picture.page).read_text()
            block = text.split(f"$ {picture.command}\n")[1].split("\n```\n")[0]
            for suffix in ("", "-narrow"):
                drawing = (pictures.PICTURES / f"{picture.name}{suffix}.svg").read_text()
                missing = terminal.lacks(drawing, picture.command, block)
                assert not missing, f"run docs/pictures.py {picture.name} again: {missing}"


OUTPUT = """\
collected 2 items

\x1b[31mtest_a.py F\x1b[0m

==== FAILURES ====
one
two

==== summary ====
==== 1 failed in 12.34s ====
"""


def test_output_is_cut_where_it_says_so_and_tells_no_times(terminal):
    cut = terminal.shortened(OUTPUT, (("test_a", "=+ FAIL"), ("two", "=+ sum"), ("=+ 1", "")))
    mark = "\x1b[90m…\x1b[0m"
    assert cut.split("\n") == [
        mark,
        "\x1b[31mtest_a.py F\x1b[0m",
        mark,
        "two",
        mark,
        "==== 1 failed in …s ========",
    ]
    with pytest.raises(SystemExit, match="no line matches 'three' from here"):
        terminal.shortened(OUTPUT, (("two", "three"),))


def drawn(text):
    rows = "\n".join(f"<text>{row}</text>" for row in text.split("\n"))
    return f"<svg><title>A title</title><style></style>{rows}</svg>"


def test_a_drawing_lacks_nothing_but_what_has_changed(terminal):
    drawing = drawn("$ pytest -q\n…\ntest_a.py F\n…\nt\nwo\n==\n…\n== 3 failed in …s ==")
    assert terminal.lacks(drawing, "pytest -q", OUTPUT) == ""
    assert terminal.lacks(drawing, "pytest -q", OUTPUT.replace("two", "three")) == "two"
    assert terminal.lacks(drawing, "pytest -q", OUTPUT.replace("failed", "passed")) != ""


def test_drawings_that_differ_in_numbers_alone_are_the_same(terminal):
    one, other = (f'<text x="1">in {seconds} s</text>' for seconds in ("0.1", "2.0"))
    assert terminal.but_for_numbers(one) == terminal.but_for_numbers(other)
    assert terminal.but_for_numbers(one) != terminal.but_for_numbers(one.replace('"1"', '"2"'))
    assert terminal.but_for_numbers(one) != terminal.but_for_numbers(one.replace("in", "after"))


def test_without_a_browser_it_says_what_to_install(docs, pictures, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CHROMIUM", raising=False)
    with pytest.raises(SystemExit, match=r"none of chromium, .* is on PATH. Install it") as missing:
        pictures.main(["report"])
    assert "`--only terminal` needs none" in str(missing.value)
    monkeypatch.setenv("CHROMIUM", "/no/such/browser")
    with pytest.raises(SystemExit, match="/no/such/browser is no program"):
        pictures.main(["report"])
    assert docs("picture_browser").chromium(sys.executable) == sys.executable


@pytest.mark.parametrize(("name", "module"), [("waiting", "rich"), ("report", "PIL")])
def test_without_its_libraries_it_says_how_to_install_them(pictures, monkeypatch, name, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SystemExit, match=f"need {module}, .* pip install .* --group docs"):
        pictures.main([name, "--chromium", sys.executable])


def test_a_picture_that_there_is_not_is_told_with_those_that_there_are(pictures, capsys):
    with pytest.raises(SystemExit):
        pictures.main(["reports"])
    assert "there is no picture reports; there are fuzz, failed-test" in capsys.readouterr().err
