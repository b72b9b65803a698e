"""Who spoke to whom, where each step stands, and what is left out."""

from __future__ import annotations

from pytest_wsrpc.report.diagram import SHOWN_CLIENTS, SHOWN_STEPS, Row, diagram
from pytest_wsrpc.report.story import Step, Story

CALL = '{"id":1,"method":"add"}'
REPLY = '{"id":1,"method":"add","response":2}'


def rows(*steps: Step, clients: list[str] | None = None) -> list[Row]:
    return diagram(Story(clients or ["a"], list(steps))).rows


def test_messages_go_between_their_client_and_the_server() -> None:
    drawn = diagram(
        Story(["a", "b"], [Step(0.0, "sent", 0, CALL), Step(0.0, "received", 1, REPLY)])
    )
    assert drawn.lanes == ["a", "b", "server"]
    assert drawn.rows == [
        Row("call", "a to server", "call", "add", "1", "", 1, 3, "right", ""),
        Row("reply", "server to b", "reply", "add", "1", "2", 2, 2, "left", ""),
    ]


def test_begin_and_end_of_a_connection_go_where_they_came_from() -> None:
    drawn = rows(
        Step(0.0, "connected", 0),
        Step(0.0, "closed", 0, "1011 by the server: oops"),
        Step(0.0, "closed", 0, "1000"),
        Step(0.0, "disconnected", 0),
        Step(0.0, "refused", 0, "401"),
    )
    assert [(row.who, row.word, row.text) for row in drawn] == [
        ("a to server", "connects", ""),
        ("server to a", "closed", "1011 by the server: oops"),
        ("a to server", "closed", "1000"),
        ("a to server", "disconnects", ""),
        ("server to a", "handshake refused", "401"),
    ]


def test_an_exception_stands_at_the_server() -> None:
    [row] = rows(Step(0.0, "failed", 0, "KeyError: 1\napp.py:3 in f"))
    assert (row.who, row.word, row.text) == ("server", "exception", "KeyError: 1\napp.py:3 in f")
    assert (row.first, row.span, row.arrow) == (2, 1, "")


def test_a_fault_stands_where_it_strikes_and_brings_the_broker_into_the_picture() -> None:
    drawn = diagram(
        Story(
            ["a", "b"],
            [
                Step(0.0, "fault", None, "publish:latency=2s (channel 'x')"),
                Step(0.0, "fault", None, "from now on: deliver:drop"),
                Step(0.0, "fault", None, "reply:drop (method 'add')"),
                Step(0.0, "fault", 1, "reset"),
                Step(0.0, "fault", None, "all faults end"),
                Step(0.0, "missing", 0, "no reply within 5 s"),
            ],
        )
    )
    assert drawn.lanes == ["a", "b", "server", "broker"]
    assert [(row.who, row.first, row.span) for row in drawn.rows] == [
        ("broker", 3, 2),
        ("broker", 3, 2),
        ("server", 3, 2),
        ("b", 2, 2),
        ("", 1, 4),
        ("a", 1, 2),
    ]


def test_time_is_told_where_it_has_passed_and_marked_where_it_is_long() -> None:
    drawn = rows(
        Step(0.0, "sent", 0, CALL),
        Step(0.0, "received", 0, REPLY),
        Step(0.25, "sent", 0, CALL),
        Step(1234.75, "received", 0, REPLY),
        Step(1234.75, "passed", None, "30 s pass"),
        Step(1264.75, "sent", 0, CALL),
        Step(1269.75, "missing", 0, "no reply within 5 s"),
    )
    assert [(row.kind, row.time) for row in drawn] == [
        ("call", "0.000 s"),
        ("reply", ""),
        ("call", "0.250 s"),
        ("passed", ""),
        ("reply", "1234.750 s"),
        ("passed", ""),
        ("call", "1264.750 s"),
        ("missing", "1269.750 s"),
    ]
    assert drawn[3].text == "1,234.5 s pass"
    assert [row.time for row in rows(Step(0.0, "sent", 0, CALL))] == [""]


def test_many_clients_share_a_lane_and_are_named_there() -> None:
    names = [f"c{number}" for number in range(SHOWN_CLIENTS + 3)]
    drawn = diagram(Story(names, [Step(0.0, "connected", number) for number in range(len(names))]))
    assert drawn.lanes == [*names[: SHOWN_CLIENTS - 1], "other clients", "server"]
    assert [row.first for row in drawn.rows] == [1, 2, 3, 4, 5, 5, 5, 5]
    assert [row.is_shared for row in drawn.rows] == [False] * 4 + [True] * 4
    assert drawn.rows[-1].who == "c7 to server"


def test_of_a_long_conversation_the_middle_is_not_drawn() -> None:
    drawn = rows(*(Step(0.0, "sent", 0, str(number)) for number in range(SHOWN_STEPS + 7)))
    assert len(drawn) == SHOWN_STEPS + 1
    [gap] = [row for row in drawn if row.kind == "left_out"]
    assert (gap.word, gap.text) == ("left out", "7 steps")
    assert drawn[-1].text == str(SHOWN_STEPS + 6)


def test_a_client_called_server_is_not_taken_for_it() -> None:
    drawn = diagram(Story(["server"], [Step(0.0, "connected", 0)]))
    assert drawn.lanes == ["server", "server"]
    assert (drawn.rows[0].first, drawn.rows[0].span) == (1, 2)
