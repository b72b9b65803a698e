"""Strings of a format, such that every known validator takes them."""

from __future__ import annotations

import base64
import json
from datetime import date, datetime, time
from string import ascii_lowercase, digits
from typing import Final

from hypothesis import strategies as st

_OFFSETS = st.sampled_from(["Z", "+00:00", "+05:30", "-12:00", "+14:00"])
_FIRST, _LAST = datetime(1, 1, 2), datetime(9999, 12, 30)  # within range in any time zone

# what takes one choice comes first, as hypothesis shrinks to the fewest choices

_local_times = st.one_of(
    st.sampled_from([time(0), time(12, 30, 15), time(23, 59, 59, 999999)]), st.times()
).map(time.isoformat)
_NEW_YEAR_1970, _LEAP_DAY = datetime(1970, 1, 1), datetime(2000, 2, 29)
_END_OF_32_BITS = datetime(2038, 1, 19, 3, 14, 8)
_local_datetimes = st.one_of(
    st.sampled_from([_NEW_YEAR_1970, _LEAP_DAY, _END_OF_32_BITS, _FIRST, _LAST]),
    st.datetimes(_FIRST, _LAST),
).map(datetime.isoformat)
_dates = st.one_of(
    st.sampled_from([_NEW_YEAR_1970.date(), _LEAP_DAY.date(), date.min, date.max]), st.dates()
).map(date.isoformat)

_labels = st.text(ascii_lowercase + digits, min_size=1, max_size=12)
_ENDINGS = st.sampled_from([".com", ".org", ".net"])
_hosts = st.just("example.com") | st.tuples(_labels, _ENDINGS).map("".join)
_emails = st.tuples(_labels, st.just("@"), _hosts).map("".join)
_paths = st.lists(_labels, max_size=3).map(lambda parts: "".join(f"/{part}" for part in parts))
_urls = st.one_of(
    st.just("http://example.com/"),
    st.builds(
        "{}://{}{}{}".format,
        st.sampled_from(["http", "https"]),
        _hosts,
        _paths,
        st.sampled_from(["/", "?a=1", "#top", "?q=%20x&r="]),
    ),
)
_counts = st.integers(0, 99)
_durations = st.one_of(
    st.sampled_from(["PT0S", "P1D", "PT1H", "PT1M", "P36500D"]),
    _counts.map("P{}D".format),
    _counts.map("PT{}S".format),
    st.builds("P{}DT{}H{}M{}S".format, _counts, _counts, _counts, _counts),
)
_decimals = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.sampled_from(["0.1", "-0.01", "123456789.123456789"]),
    st.builds("{}.{}".format, st.integers(-999, 999), st.integers(0, 99)),
)
_ipv4 = st.ip_addresses(v=4).map(str)
_ipv6 = st.ip_addresses(v=6).map(str)
_scalars = st.none() | st.booleans() | st.integers(-100, 100) | st.text(ascii_lowercase, max_size=5)


def base64_texts(least: int = 0, most: int | None = None) -> st.SearchStrategy[str]:
    """Return base64 of lengths within bounds."""
    fewest = 3 * (least // 4)
    # two bytes below the limit, so that whoever counts in bytes agrees
    capacity = fewest + 24 if most is None else max(0, 3 * (most // 4) - 2)
    sizes = sorted((fewest, min(capacity, fewest + 24)))
    return st.binary(min_size=sizes[0], max_size=sizes[1]).map(
        lambda data: base64.b64encode(data).decode()
    )


BASE64: Final = base64_texts()

FORMATS: Final[dict[str, st.SearchStrategy[str]]] = {
    "date": _dates,
    "date-time": st.tuples(_local_datetimes, _OFFSETS).map("".join),
    "date-time-local": _local_datetimes,
    "time": st.tuples(_local_times, _OFFSETS).map("".join),
    "time-local": _local_times,
    "duration": _durations,
    "uuid": st.uuids().map(str),
    **{f"uuid{version}": st.uuids(version=version).map(str) for version in (1, 2, 3, 4, 5)},
    "email": _emails,
    "idn-email": _emails,
    "name-email": _emails,
    "hostname": _hosts,
    "idn-hostname": _hosts,
    "uri": _urls,
    "url": _urls,
    "iri": _urls,
    "uri-reference": _urls | _paths,
    "iri-reference": _urls | _paths,
    "uri-template": _urls,
    "ipv4": _ipv4,
    "ipv6": _ipv6,
    "ipvanyaddress": _ipv4 | _ipv6,
    "decimal": _decimals,
    "byte": BASE64,
    "base64": BASE64,
    "base64url": st.binary(max_size=24).map(lambda data: base64.urlsafe_b64encode(data).decode()),
    "json-string": _scalars.map(json.dumps),
    "json-pointer": _paths,
    "relative-json-pointer": st.builds("{}{}".format, _counts, _paths),
    "regex": st.sampled_from(["", "a", "^a+$", "[a-z]*", "a|b"]),
}
"""Formats by name; strings of any other are free text."""

BAD: Final[dict[str, tuple[str, ...]]] = {
    "date": ("2023-02-29", "2023-13-01", "01/02/2023", "2023-1-1"),
    "date-time": ("2023-02-29T00:00:00Z", "2023-01-01T25:00:00Z", "2023-01-01"),
    "date-time-local": ("2023-02-29T00:00:00", "2023-01-01T00:00:00Z"),
    "time": ("25:00:00Z", "12:60:00Z", "noon"),
    "time-local": ("25:00:00", "12:00:00Z", "noon"),
    "duration": ("P", "1 day", "PT1X"),
    "uuid": ("00000000-0000-0000-0000-00000000000g", "0"),
    "email": ("a", "a@", "@example.com"),
    "hostname": ("-a.com", "a..com", "a b"),
    "uri": ("example.com/a b", "://a"),
    "ipv4": ("256.0.0.1", "1.2.3", "::1"),
    "ipv6": (":::", "127.0.0.1", "g::"),
    "ipvanyaddress": ("256.0.0.1", ":::"),
    "decimal": ("1,5", "one", "--1"),
    "byte": ("a===", "a"),
    "base64": ("a===", "a"),
    "base64url": ("a===", "a"),
    "json-string": ("{", "'a'", "undefined"),
    "json-pointer": ("a", "/~"),
    "regex": ("(", "["),
}
"""Near misses of a format; that text which is of no format at all is tried too."""
