"""Durations with units."""

import pytest

from pytest_wsrpc.durations import UNITS, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("50ms", 0.05),
        ("0.1", 0.1),
        ("1.5s", 1.5),
        ("2 min", 120.0),
        ("3m", 180.0),
        ("24h", 86400.0),
        ("7us", 7e-6),
        (".5d", 43200.0),
        ("0", 0.0),
        (" 20ms ", 0.02),
    ],
)
def test_a_duration_is_read_exactly(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "5 parsecs", "1e3", "inf", "nan", "1.2.3s", "5S"])
def test_what_is_no_duration_is_refused_with_the_units(text):
    with pytest.raises(ValueError, match="expected a duration such as 50ms") as refused:
        parse_duration(text)
    assert repr(text) in str(refused.value)
    assert all(unit in str(refused.value) for unit in UNITS)


def test_a_number_beyond_all_bounds_is_refused():
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration("9" * 400)
