"""Event patterns: what they match, what is malformed, how long a match takes."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsrpc.patterns import Pattern

LONGEST_PATTERN = 128
LONGEST_NAME = 255


@pytest.mark.parametrize(
    ("pattern", "names", "others"),
    [
        ("*", ["", "a", "a\nb", "\n", "*", "wsrpc.gap"], []),
        ("**", ["", "ab"], []),
        ("", [""], ["a", "\n"]),
        ("foo", ["foo"], ["", "fo", "fooo", "Foo", "foo\n", "\nfoo"]),
        ("f*", ["f", "foo", "f\n"], ["", "of"]),
        ("*o", ["o", "foo"], ["", "of", "o\n"]),
        ("a*b*c", ["abc", "aXbYc", "abbcc", "abcbc"], ["ac", "acb", "abcx", "xabc"]),
        ("*a*", ["a", "bab"], ["", "b"]),
        ("a*a", ["aa", "aba"], ["a", ""]),
        ("*ab*ab", ["abab", "xabxab", "ababab"], ["ab", "aba"]),
        ("*aab", ["aab", "aaab", "aabaab"], ["aaba"]),
        ("?", ["a", "\n", "?", "ä", "\U0001f600"], ["", "ab"]),
        ("h?llo", ["hello", "h\nllo"], ["hllo", "heello"]),
        ("?*", ["a", "ab"], [""]),
        ("*?", ["a", "ab"], [""]),
        ("*??*", ["ab", "abc"], ["", "a"]),
    ],
)
def test_stars_and_question_marks(pattern: str, names: list[str], others: list[str]) -> None:
    matches = Pattern(pattern).matches
    assert [name for name in names if not matches(name)] == []
    assert [name for name in others if matches(name)] == []


@pytest.mark.parametrize(
    ("pattern", "names", "others"),
    [
        ("[abc]", ["a", "b", "c"], ["", "d", "ab", "A"]),
        ("[a-c]", ["a", "b", "c"], ["d", "-"]),
        ("[a-cx-z]", ["b", "y"], ["d", "-"]),
        ("[!a-c]", ["d", "!", "\n"], ["a", "b", "c", ""]),
        ("[!!]", ["a"], ["!"]),
        ("[a!]", ["a", "!"], ["b"]),
        ("[^a]", ["^", "a"], ["b"]),
        ("[]]", ["]"], ["a", "[]"]),
        ("[]a]", ["]", "a"], ["b"]),
        ("[!]]", ["a", "["], ["]"]),
        ("[[]", ["["], ["]"]),
        ("[a-]", ["a", "-"], ["b"]),
        ("[-a]", ["a", "-"], ["b"]),
        ("[!-a]", ["b"], ["a", "-"]),
        ("[--/]", ["-", ".", "/"], ["0", ","]),
        ("[a-a]", ["a"], ["b", "-"]),
        (r"[\]]", ["]"], ["\\"]),
        (r"[\\]", ["\\"], ["]"]),
        (r"[a\-c]", ["a", "-", "c"], ["b", "\\"]),
        (r"[\a-\c]", ["b"], ["\\", "d"]),
        (r"[!\!]", ["a", "\\"], ["!"]),
        ("[a&&b]", ["a", "b", "&"], ["c"]),
        ("[a||b~~c]", ["|", "~", "c", "a"], ["}"]),
        ("[*?.]", ["*", "?", "."], ["a"]),
        ("[\n]", ["\n"], ["n"]),
        ("[0-9]", ["5"], ["٣"]),
        ("[^-a]", ["^", "_", "a"], ["b"]),
        ("a[bc]*[de]", ["abd", "acxxe"], ["ad", "abdx"]),
    ],
)
def test_brackets(pattern: str, names: list[str], others: list[str]) -> None:
    matches = Pattern(pattern).matches
    assert [name for name in names if not matches(name)] == []
    assert [name for name in others if matches(name)] == []


@pytest.mark.parametrize(
    ("pattern", "name", "other"),
    [
        (r"\*", "*", "a"),
        (r"\?", "?", "a"),
        (r"\[a]", "[a]", "a"),
        (r"\\", "\\", r"\\"),
        (r"\n", "n", "\n"),
        (r"\d*", "dx", "1"),
        (r"a\*b*", "a*bc", "axbc"),
    ],
)
def test_a_backslash_takes_the_next_character_as_it_is(pattern: str, name: str, other: str) -> None:
    assert Pattern(pattern).matches(name)
    assert not Pattern(pattern).matches(other)


@pytest.mark.parametrize(
    "text",
    [
        *("price.usd", "a+b", "^x", "$", "x$y", "(a)", "(", ")", "a{2}", "a|b", "{}", "]", "a]b"),
        "-",
        "!",
        "!a",
        "#",
        " ",
        "a\nb",
        "(?i)a",
        "&&",
        "~",
        "\t",
        "\x00",
        "%s",
        "{0}",
        "ß",
        "\U0001f600",
    ],
)
def test_everything_else_is_literal(text: str) -> None:
    assert Pattern(text).matches(text)
    assert Pattern(f"*{text}").matches(f"x{text}")
    for other in (text + "\n", text + "x", text.replace(".", "X") + "X", text.upper() + "!"):
        assert not Pattern(text).matches(other)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[", "the [ at position 0 of '[' is not closed"),
        ("a[bc", "the [ at position 1 of 'a[bc' is not closed"),
        ("[]", "the [ at position 0 of '[]' is not closed"),
        ("[!]", "the [ at position 0 of '[!]' is not closed"),
        ("[!", "the [ at position 0 of '[!' is not closed"),
        ("[a-", "the [ at position 0 of '[a-' is not closed"),
        ("[[]a[", "the [ at position 4 of '[[]a[' is not closed"),
        ("[z-a]", "the range z-a in '[z-a]' ends before it starts"),
        ("\\", "nothing follows the backslash at the end of '\\\\'"),
        ("a\\\\\\", "nothing follows the backslash at the end of 'a\\\\\\\\\\\\'"),
        ("[\\", "nothing follows the backslash at the end of '[\\\\'"),
        ("[a-\\", "nothing follows the backslash at the end of '[a-\\\\'"),
        ("[\\]", "the [ at position 0 of '[\\\\]' is not closed"),
    ],
)
def test_a_malformed_pattern_says_what_and_where(text: str, complaint: str) -> None:
    with pytest.raises(ValueError) as caught:
        Pattern(text)
    assert str(caught.value) == complaint


def test_patterns_of_the_same_text_are_equal() -> None:
    assert Pattern("a*") == Pattern("a*")
    assert hash(Pattern("a*")) == hash(Pattern("a*"))
    assert Pattern("a*") != Pattern("a?")
    assert Pattern("a*") != "a*"
    assert repr(Pattern("a*")) == "Pattern('a*')"
    assert Pattern("a*").text == "a*"


def matches(pattern: str, name: str) -> bool:
    """The definition of a match, one character of the pattern at a time; exponential and plain."""
    states = {0}  # how many characters of the name the pattern so far may have taken
    position = 0
    while position < len(pattern):
        char = pattern[position]
        position += 1
        if char == "*":
            states = set(range(min(states), len(name) + 1)) if states else states
            continue
        if char == "?":
            accepts = [(0, 0x10FFFF)]
            negated = False
        elif char == "[":
            negated = pattern[position] == "!"
            position += negated
            accepts = []
            start = position
            while pattern[position] != "]" or position == start:
                low, position = _member(pattern, position)
                high = low
                if pattern[position] == "-" and pattern[position + 1] != "]":
                    high, position = _member(pattern, position + 1)
                accepts.append((low, high))
            position += 1
        else:
            negated = False
            if char == "\\":
                char = pattern[position]
                position += 1
            accepts = [(ord(char), ord(char))]
        states = {
            taken + 1
            for taken in states
            if taken < len(name)
            and negated != any(low <= ord(name[taken]) <= high for low, high in accepts)
        }
    return len(name) in states


def _member(pattern: str, position: int) -> tuple[int, int]:
    if pattern[position] == "\\":
        position += 1
    return ord(pattern[position]), position + 1


def random_pattern(draw: random.Random) -> str:
    letters = "ab-!]^\n.\\"
    parts = []
    for _ in range(draw.randint(0, 8)):
        kind = draw.random()
        if kind < 0.3:
            parts.append("*")
        elif kind < 0.4:
            parts.append("?")
        elif kind < 0.6:
            members = ""
            for _ in range(draw.randint(1, 3)):
                low, high = sorted(draw.choice(letters) for _ in "ab")
                members += _quote(low) + (f"-{_quote(high)}" if draw.random() < 0.4 else "")
            parts.append(f"[{draw.choice(['', '!'])}{members}{draw.choice(['', '-'])}]")
        else:
            char = draw.choice(letters)
            parts.append(f"\\{char}" if char == "\\" or draw.random() < 0.2 else char)
    return "".join(parts)


def _quote(char: str) -> str:
    return f"\\{char}" if char in "]\\-!^" else char


@pytest.mark.parametrize(
    "count", [100_000 // 20, pytest.param(100_000, marks=pytest.mark.soak, id="soak")]
)
def test_patterns_agree_with_a_plain_matcher(count: int) -> None:
    draw = random.Random(20240611)
    matched = 0
    for _ in range(count):
        pattern = random_pattern(draw)
        name = "".join(draw.choices("ab-!]^\n.\\", k=draw.randint(0, 7)))
        expected = matches(pattern, name)
        assert Pattern(pattern).matches(name) is expected, (pattern, name)
        matched += expected
    assert count // 20 < matched < count - count // 20


@given(
    st.text(alphabet="ab*?[]!-\\.\n", max_size=12), st.text(alphabet="ab*?[]!-\\.\n", max_size=9)
)
def test_any_text_is_a_pattern_or_a_value_error(text: str, name: str) -> None:
    try:
        found = Pattern(text).matches(name)
    except ValueError:
        return
    assert found is matches(text, name)


A_LONG = "a" * LONGEST_NAME
SETS = "[!b-y]"


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("*a" * 63 + "*b", A_LONG),
        ("*a" * 22 + "b", A_LONG),
        ("a*" * 64, A_LONG),
        ("*" + "a" * 126 + "b", A_LONG),
        ("*" + "a" * 125 + "b*", A_LONG),
        ("a" * 63 + "*" + "a" * 63 + "b", A_LONG),
        ("*?" * 63 + "*b", A_LONG),
        ("*" + "?" * 126 + "b", A_LONG),
        ("*" + SETS * 21 + "b", A_LONG),
        ("*" + SETS * 20 + "*b", A_LONG),
        ("*" + "ab" * 63 + "c", "ab" * 127),
        ("*" + "ab" * 62 + "c*", "ab" * 127),
        (
            "*[" + "".join(map(chr, range(0x400, 0x400 + 2 * 60, 2))) + "]*b",
            "\u0401" * LONGEST_NAME,
        ),
        ("*".join("\U0001f600" * 64), "\U0001f600" * LONGEST_NAME),
    ],
)
def test_the_worst_pattern_takes_less_than_a_millisecond(pattern: str, name: str) -> None:
    assert len(pattern) <= LONGEST_PATTERN
    assert len(name) <= LONGEST_NAME
    match = Pattern(pattern).matches
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        for _ in range(20):
            match(name)
        best = min(best, (time.process_time() - start) / 20)
    assert best < 0.001
