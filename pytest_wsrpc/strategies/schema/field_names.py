"""What the name of a field says: the words that it is made of, and text that it may want.

A field that is only declared as a string often has to be a date, an address or a number all the
same. What nearly is one is as welcome: the type lets it through to the handler.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from .formats import BAD, FORMAT_EDGES

_CAMEL: Final = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD: Final = re.compile(r"\d+|[^\W\d_]+")


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case, in the singular: ``orderIds`` is order, id."""
    return tuple(_singular(word.lower()) for word in _WORD.findall(_CAMEL.sub(" ", name)))


def _singular(word: str) -> str:
    """Cut the plural's s; that of ``status`` too, which does no harm where all are cut."""
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


_DAYS: Final = ("2024-01-01", "2024-01-02", "2024-02-29", *FORMAT_EDGES["date"])
_DATES: Final = (*_DAYS, *_DAYS, *BAD["date"])
_TIMESTAMPS: Final = (*FORMAT_EDGES["date-time"], *FORMAT_EDGES["date-time-local"],
                      *BAD["date-time"])  # fmt: skip
_TIMES: Final = (*FORMAT_EDGES["time-local"], "09:00", "17:00", "24:00", *BAD["time-local"])
_MOMENTS: Final = (*_DATES, *_TIMESTAMPS[:4], "09:00", "17:00", "0", "1")
_DECIMALS: Final = (*FORMAT_EDGES["decimal"], "12.50", "NaN", "Infinity", "1e999", *BAD["decimal"])
_ADDRESSES: Final = (*FORMAT_EDGES["ipv4"], "::1", "localhost", "localhost:80", *BAD["ipv4"])

_TEXTS: Final[dict[tuple[str, ...], tuple[str, ...]]] = {
    ("date", "day", "birthday", "dob", "due", "deadline"): _DATES,
    ("timestamp", "datetime", "when", "expire", "expiry", "created", "updated"): _TIMESTAMPS,
    ("start", "end", "begin", "since", "until", "from", "to", "arrival", "departure", "checkin",
     "checkout", "at"): _MOMENTS,
    ("time", "hour", "open", "close"): _TIMES,
    ("duration", "interval", "period", "ttl"): (*FORMAT_EDGES["duration"], *BAD["duration"], "5m"),
    ("month",): ("2024-01", "2024-12", "2024-13", "1", "12", "13", "jan"),
    ("email", "mail"): (*FORMAT_EDGES["email"], *BAD["email"]),
    ("url", "uri", "link", "href", "website", "callback", "webhook"): (
        *FORMAT_EDGES["uri"], *BAD["uri"], *BAD["url"],
    ),
    ("uuid", "guid"): (*FORMAT_EDGES["uuid"], *BAD["uuid"]),
    ("ip", "host", "hostname", "address", "addr", "server"): _ADDRESSES,
    ("amount", "price", "total", "balance", "cost", "number", "value", "quantity", "count", "rate",
     "percent", "factor", "limit", "age", "size", "port"): _DECIMALS,
    ("json", "body", "document", "config"): (
        "{}", "[]", "null", '{"a": 1}', "1e999", *BAD["json-string"],
    ),
    ("pattern", "regex", "regexp", "glob", "filter", "query", "search"): (
        "a", "^a$", "a*", "[a-z]", *BAD["regex"], "(?P<a", "\\", "%",
    ),
    ("template", "format", "message"): ("{}", "{0}", "{a}", "{", "%s", "%d", "%", "$a", "${"),
    ("expression", "formula", "expr"): ("1", "1+1", "1/0", "(", "a", "1+", "2**9999", "-1"),
    ("color", "colour"): ("red", "#ffffff", "#FFF", "#ggg", "ffffff", "#12345"),
    ("currency",): ("EUR", "USD", "JPY", "eur", "EURO", "XXX"),
    ("country",): ("DE", "US", "de", "DEU", "XX"),
    ("language", "locale", "lang"): ("en", "de-DE", "en_US", "tr", "xx"),
    ("tz", "timezone", "zone"): ("UTC", "Europe/Berlin", "+01:00", "utc", "Nowhere/At/All", "../x"),
    ("phone", "mobile", "tel"): ("+49 30 123456", "030123456", "+", "00", "123-456"),
    ("path", "file", "filename", "directory", "folder"): (
        "a.txt", "a/b", "/", ".", "..", "../a", "a" * 300, "a\x00b", "~",
    ),
    ("version",): ("1.2.3", "1", "1.2", "1.10.0", "v1", "1.2.3-rc.1", "1..2", "0.0.0"),
    ("hex", "hash", "digest", "checksum"): ("00", "ff", "FF", "0", "xyz", "0x00", "a" * 64),
    ("base64", "data", "content", "encoded", "blob"): (
        "", "YQ==", "YQ=", "Y", "_-8=", *BAD["base64"],
    ),
    ("range",): ("1-2", "2-1", "1-", "-", "1..2", "a-b", "1-2-3"),
    ("tag", "list", "csv"): ("a,b", "a,,b", ",", "a, b", "1,2", "1,a"),
}  # fmt: skip

_BY_WORD: Final = {word: texts for among, texts in _TEXTS.items() for word in among}


@lru_cache(maxsize=4096)
def texts_for(name: str) -> tuple[str, ...]:
    """Return text that a field of this name may want, or nearly."""
    found = [text for word in words(name) for text in _BY_WORD.get(word, ())]
    return tuple(found)
