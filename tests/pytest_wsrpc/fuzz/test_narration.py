"""Conversations laid out for a person."""

from __future__ import annotations

import json

import pytest

from pytest_wsrpc.fuzz.narration import Said, laid_out, narrated


def test_one_client_without_any_time_needs_neither_name_nor_time() -> None:
    said = [Said(0.0, "sent", '{"id":1}', 1), Said(0.0001, "received", "{}", 1)]
    assert narrated(said) == '  > {"id":1}\n  < {}'
    assert narrated([]) == ""


def test_time_stands_where_some_has_passed_and_clients_where_there_are_several() -> None:
    said = [
        Said(0.0, "sent", "a", 1),
        Said(0.0, "fault", "10 s pass"),
        Said(10.0, "received", "b", 12),
        Said(10.0, "closed", "1000", 1),
        Said(10.25, "disconnected", "", 12),
    ]
    assert narrated(said).splitlines() == [
        "           client 1  > a",
        "           ~ 10 s pass",
        "  10 s     client 12 < b",
        "           client 1  closed 1000",
        "  10.25 s  client 12 disconnected",
    ]


def test_what_begins_late_says_when() -> None:
    assert narrated([Said(2.0, "sent", "a")]) == "  2 s  > a"


def test_a_long_conversation_loses_its_middle() -> None:
    lines = narrated([Said(0.0, "received", f"{number}") for number in range(100)]).splitlines()
    assert len(lines) == 61
    assert lines[14:17] == ["  < 14", "  ... 40 entries left out ...", "  < 55"]


def test_a_long_message_is_broken_where_its_members_begin() -> None:
    text = '{"id":1,"method":"place","payload":{"symbol":"A","side":"buy"}}'
    assert laid_out(text, 40) == [
        '{"id":1,"method":"place",',
        ' "payload":{"symbol":"A","side":"buy"}}',
    ]
    assert laid_out(text, 30) == [
        '{"id":1,"method":"place",',
        ' "payload":{"symbol":"A",',
        '            "side":"buy"}}',
    ]
    assert laid_out('{"items":[1,2,3],"empty":[]}', 17) == ['{"items":[1,2,3],', ' "empty":[]}']
    assert laid_out('{"items":[[1111,2222],3333]}', 18) == [
        '{"items":[[1111,',
        "           2222],",
        "          3333]}",
    ]


@pytest.mark.parametrize("text", ["x" * 50, '{"a": 1, "b": ' + "1" * 40, '{"a": "two  spaces"}  '])
def test_what_would_not_be_written_as_it_was_stays_on_one_line(text: str) -> None:
    assert laid_out(text, 10)[0].startswith(text[:5])
    assert len(laid_out(text, 10)) == 1


def test_a_message_of_many_members_loses_its_middle_and_long_texts_theirs() -> None:
    text = json.dumps({f"name {number}": "x" * 30 for number in range(50)}, separators=(",", ":"))
    lines = laid_out(text, 50)
    assert len(lines) == 12
    assert lines[9] == "... 39 lines left out ..."
    [line] = laid_out(json.dumps({"a": "x" * 500}, separators=(",", ":")), 50)
    assert "characters" in line
    assert len(laid_out(json.dumps(["x" * 50_000]), 50)) == 1


def test_what_a_terminal_could_take_for_a_command_is_escaped() -> None:
    assert "\x1b" not in narrated([Said(0.0, "received", "\x1b[2J" + "x" * 200)])
