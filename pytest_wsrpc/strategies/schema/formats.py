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

FORMAT_EDGES: Final[dict[str, tuple[str, ...]]] = {
    "date": ("1970-01-01", "1969-12-31", "2000-02-29", "1900-01-01", "2023-12-31", "2038-01-19",
             "0001-01-01", "9999-12-31"),
    "date-time": ("1970-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2000-02-29T12:00:00+00:00",
                  "2023-12-31T23:59:59.999999Z", "2024-03-31T02:30:00+01:00",
                  "2038-01-19T03:14:08-12:00", "0001-01-02T00:00:00+14:00"),
    "date-time-local": ("1970-01-01T00:00:00", "2000-02-29T23:59:59.999999", "0001-01-01T00:00:00"),
    "time": ("00:00:00Z", "23:59:59.999999Z", "12:00:00+14:00", "00:00:00-12:00"),
    "time-local": ("00:00:00", "23:59:59.999999", "12:00:00.000001"),
    "duration": ("PT0S", "P0D", "PT24H", "PT86400S", "P365D", "P36500D"),
    "uuid": ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
             "FFFFFFFF-FFFF-4FFF-8FFF-FFFFFFFFFFFF", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
    "email": ("a@example.com", "A@EXAMPLE.COM", "a+b@example.com", "a.b-c_d@sub.example.org",
              f"{'a' * 64}@example.com"),
    "uri": ("http://example.com/", "http://localhost/", "http://127.0.0.1:80/", "http://[::1]:1/",
            "https://user:pw@example.com/?a=1&a=2#x", "http://example.com/%00/../%2e%2e",
            f"http://example.com/{'a' * 300}"),
    "hostname": ("localhost", "a", "xn--bcher-kva.example", "127.0.0.1", f"{'a' * 63}.example"),
    "ipv4": ("0.0.0.0", "127.0.0.1", "10.0.0.1", "169.254.169.254", "255.255.255.255"),
    "ipv6": ("::", "::1", "::ffff:127.0.0.1", "fe80::1", "FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF"),
    "decimal": ("0", "-0", "0.0", "0.1", "-1", "1.005", "0.000000001", "1E+2", "99999999999999.99"),
}  # fmt: skip
"""The edges of a format, such that every known validator takes them; the simplest first."""
FORMAT_EDGES["url"] = FORMAT_EDGES["uri"]
FORMAT_EDGES["ipvanyaddress"] = (*FORMAT_EDGES["ipv4"], *FORMAT_EDGES["ipv6"])

BAD: Final[dict[str, tuple[str, ...]]] = {
    "date": ("2023-02-29", "2023-13-01", "2023-00-10", "2023-04-31", "01/02/2023", "2023-1-1",
             "20230101 ", "2023-01-01T00:00:00Z", " 2023-01-01", "tomorrow"),
    "date-time": ("2023-02-29T00:00:00Z", "2023-01-01T25:00:00Z", "2023-01-01T00:60:00Z",
                  "2023-01-01", "2023-01-01T00:00:00+99:00", "2023-01-01T", "now"),
    "date-time-local": ("2023-02-29T00:00:00", "2023-01-01T00:00:00Z", "2023-01-01T24:01:00"),
    "time": ("25:00:00Z", "12:60:00Z", "12:00:61Z", "noon", "12"),
    "time-local": ("25:00:00", "12:00:00Z", "12:60:00", "noon"),
    "duration": ("P", "1 day", "PT1X", "PT", "1"),
    "uuid": ("00000000-0000-0000-0000-00000000000g", "0", "00000000-0000-0000-0000-00000000000",
             "00000000-0000-0000-0000-0000000000000", "{00000000-0000-0000-0000-00000000000x}"),
    "email": ("a", "a@", "@example.com", "a@b@example.com", "a b@example.com", "a@example..com"),
    "hostname": ("-a.com", "a..com", "a b", "a_b.com!", f"{'a' * 64}.example"),
    "uri": ("example.com/a b", "://a", "http://[::1", "//", "http//example.com"),
    "url": ("example.com", "://a", "http://[::1", "http://"),
    "ipv4": ("256.0.0.1", "1.2.3", "::1", "1.2.3.4.5", "01.2.3.4x", "1.2.3.-4", "1.2.3.4/8"),
    "ipv6": (":::", "127.0.0.1", "g::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1/64"),
    "ipvanyaddress": ("256.0.0.1", ":::", "localhost"),
    "decimal": ("1,5", "one", "--1", "1e", ".", "0x1"),
    "byte": ("a===", "a"),
    "base64": ("a===", "a"),
    "base64url": ("a===", "a"),
    "json-string": ("{", "'a'", "undefined", "[1,]"),
    "json-pointer": ("a", "/~", "/~2"),
    "regex": ("(", "[", "*", "a{2,1}"),
}  # fmt: skip
"""Near misses of a format; that text which is of no format at all is tried too."""
