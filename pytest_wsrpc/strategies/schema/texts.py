"""Text that programs stumble over."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

CHARACTERS: Final = st.characters(exclude_categories=["Cs"])
"""All that UTF-8 can encode: hypothesis' own table of that takes a second, once per directory."""

SIMPLEST: Final = ("", "", "", "", "", " ", " ", "a", "a", "b", "0")
"""What breaks most, or meets itself again in the next payload."""
FREQUENT: Final = (
    "", "a", "b", "0", "1", " ", "A", "é", "ß", "²", "İ", "-1", "\n", " a ", "\x00", "💩",
)  # fmt: skip
"""What often breaks something."""

RARE: Final = (
    # what looks like something else
    "null", "NaN", "1e999", "1.5", " 1", "1_0", "0x1", "{}", "[", "(", "\\", "'\"", "=1+1", "<b>",
    "{0}%s$", "../..", "__class__",
    # separators: one of each, and with nothing between
    "a b", "a/b:c,d;e=f.g-h@i", "//::,,..--@@", "a\nb\t\r\n",
    # letters and digits whose case, width or value is odd
    "٣½", "ŉıſ\u212aﬁǆ", "Σς", "e\u0301", "中文",
    # invisible, directed, controlling, outside of the first plane
    "\u200b\u200d\ufeff", "\u00a0\u3000", "\u202eمرحبا", "\x7f\x85\x1b[0m", "\uffff\U0010ffff",
    "👩\u200d👩\u200d👧🇩🇪👍🏽", "z" + "\u0301" * 40,
    # longer than a line, a name, a page
    "a" * 65, "é" * 256, "x" * 1024, "a " * 200,
)  # fmt: skip

EDGES: Final = (*FREQUENT, *RARE)

KEYS: Final = (
    "", "a", "0", "1", "-1", " ", "A", "id", "name", "type", "self", "é", "ß", "a.b", "a b", "$ref",
    "\x00", "\n", "💩", "__proto__", "__class__", "constructor", "length", "keys", "null", "k" * 64,
)  # fmt: skip
"""Odd names of members."""
