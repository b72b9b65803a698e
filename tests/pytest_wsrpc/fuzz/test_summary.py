"""The table of the summary, and what there is to warn of."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_wsrpc.fuzz import advice, summary
from pytest_wsrpc.fuzz.tally import Counts, Tally

NO_SUCH = (4, "No such thing", "")


def counts(success: int = 0, refused: int = 0, errors: int = 0, **more: Any) -> Counts:
    cases = success + refused + errors
    refusals = [(*NO_SUCH, refused)] if refused else []
    return Counts(cases, success, refused, errors, more.get("refusals", refusals))


def tally(phase: str, method: str | None = "get", target: str = "app:make", **more: Any) -> Tally:
    methods = more.pop("methods", {})
    subject = f"/stream {method or ''}".rstrip()
    made = Tally(target, subject, phase, "/stream", method, methods=methods, **more)
    made.cases = made.cases or sum(one.cases for one in methods.values())
    return made


def table(*tallies: Tally, **failures: int) -> list[str]:
    told = {("app:make", "/stream", method): number for method, number in failures.items()}
    return list(summary.table(summary.rows_of(tallies), told))


def test_a_row_has_the_cases_of_all_phases_and_shares_of_valid_payloads() -> None:
    assert table(
        tally("accepts", methods={"get": counts(98, 1, 1)}),
        tally("refuses", methods={"get": Counts(cases=50)}),
        tally("protocol", None, cases=20),
        tally("sequence", None, methods={"get": counts(100), "put": counts(10, 30)}, cases=100),
        tally("concurrent", None, methods={"put": counts(40)}, cases=30),
        get=2,
    ) == [
        "             cases  success  refused  error  failures  phases",
        "/stream        150        -        -      -         0  all",
        "/stream get    250     99 %      1 %    1 %         2  all but concurrent",
        "/stream put     80     62 %     38 %    0 %         0  sequence, concurrent",
    ]


def test_without_items_there_is_no_table() -> None:
    assert table() == []


def test_several_applications_are_told_apart() -> None:
    lines = table(
        tally("accepts", methods={"get": counts(1)}),
        tally("accepts", target="app:other", methods={"get": counts(1)}),
    )
    assert [line.split("  ")[0] for line in lines[1:]] == [
        "app:make /stream get",
        "app:other /stream get",
    ]


def test_phases_are_named_if_they_are_few_and_else_those_that_are_missing() -> None:
    phases = ("accepts", "refuses", "sequence", "concurrent", "faults")
    rest = [tally(phase, "put", methods={"put": counts(1)}) for phase in phases]
    lines = table(*rest, *(tally(phase, methods={"get": counts(1)}) for phase in phases[:2]))
    assert lines[1].endswith("  accepts, refuses")
    assert lines[2].endswith("  all")
    lines = table(*rest, *(tally(phase, methods={"get": counts(1)}) for phase in phases[:4]))
    assert lines[1].endswith("  all but faults")


def test_what_was_left_out_names_its_item() -> None:
    tallies = [tally("concurrent", None, notes=["serial: throw: differs"])]
    reasons = [("app:make", "/stream a", "refuses", "no type")]
    reasons.append(("app:make", "/stream b", "refuses", "no type"))
    assert list(summary.left_out(tallies, reasons)) == [
        "left out: /stream, concurrent: serial: throw: differs",
        "not run: refuses of /stream a, /stream b: no type",
    ]
    other = tally("concurrent", None, target="app:other")
    assert list(summary.left_out([*tallies, other], reasons[:1])) == [
        "left out: app:make /stream, concurrent: serial: throw: differs",
        "not run: refuses of app:make /stream a: no type",
    ]


@pytest.mark.parametrize(
    ("part", "whole", "told"), [(0, 9, "0 %"), (1, 999, "1 %"), (998, 999, "99 %"), (0, 0, "-")]
)
def test_a_share_is_rounded_neither_up_to_all_nor_down_to_nothing(
    part: int, whole: int, told: str
) -> None:
    assert summary.share(part, whole) == told


# -- warnings


def warnings(*tallies: Tally, failing: str = "") -> list[str]:
    return list(advice.warnings(tallies, {("app:make", "/stream", failing)}))


def test_a_type_that_is_looser_than_the_handler_is_a_warning() -> None:
    assert warnings(tally("accepts", methods={"get": counts(2, 98)})) == [
        "/stream get: 98 % of valid payloads were refused, mostly with 4 No such thing: "
        "is the type looser than the handler?"
    ]


def test_a_method_that_was_never_answered_with_success_is_a_warning() -> None:
    alone = tally("accepts", methods={"get": counts(0, 100)})
    after = tally("sequence", None, methods={"get": counts(0, 60)})
    [warning] = warnings(alone, after)
    assert warning.startswith("/stream get: never answered with success, mostly with 4 No such")


def test_a_refusal_for_want_of_a_login_asks_for_one() -> None:
    refused = counts(0, 100, refusals=[(-32003, "Forbidden", "", 100)])
    [warning] = warnings(tally("accepts", methods={"get": refused}))
    assert warning.endswith(
        "does it need a login (--wsrpc-header, or the hook pytest_wsrpc_login)?"
    )
    [warning] = warnings(tally("accepts", methods={"get": refused}, with_headers=True))
    assert warning.endswith("is what the headers give enough for it?")


def test_a_method_that_fails_whatever_it_gets_is_a_warning_where_no_check_tells() -> None:
    broken = tally("accepts", methods={"get": counts(0, 0, 100)})
    assert warnings(broken) == [
        "/stream get: 100 % of valid payloads ended in an error: the handler fails"
    ]
    assert warnings(broken, failing="get") == []


def test_a_method_that_fails_and_never_succeeds_is_told_to_need_something() -> None:
    refused = counts(0, 99, 1, refusals=[(-32003, "Forbidden", "", 99)])
    [warning] = warnings(tally("accepts", methods={"get": refused}), failing="get")
    assert "does it need a login" in warning
    sometimes = counts(1, 98, 1, refusals=[(-32003, "Forbidden", "", 98)])
    assert warnings(tally("accepts", methods={"get": sometimes}), failing="get") == []


@pytest.mark.parametrize(
    "tallies",
    [
        [tally("accepts", methods={"get": counts(10, 90)})],
        [tally("accepts", methods={"get": counts(0, 19)})],
        [
            # it takes the id of something that another method makes
            tally("accepts", methods={"get": counts(0, 100)}),
            tally("sequence", None, methods={"get": counts(20, 80)}),
        ],
        [tally("protocol", None, cases=50)],
        [],
    ],
)
def test_healthy_methods_cause_no_warning(tallies: list[Tally]) -> None:
    assert warnings(*tallies) == []


def test_a_payload_without_a_type_is_a_warning() -> None:
    assert warnings(tally("accepts", methods={"get": counts(100)}, untyped=True)) == [
        "/stream get: no typed payload: add an annotation to get better cases"
    ]


def test_the_same_warning_of_several_items_is_told_once() -> None:
    late = {"warnings": ["its time was over after 3 cases"]}
    assert warnings(tally("accepts", **late), tally("refuses", **late)) == [
        "/stream get, accepts, refuses: its time was over after 3 cases"
    ]
    [one, two] = warnings(tally("accepts", **late), tally("accepts", target="app:other", **late))
    assert one.startswith("app:make /stream get, accepts: ")
    assert two.startswith("app:other /stream get, accepts: ")


def test_counts_pass_from_one_process_to_another() -> None:
    made = tally("accepts", methods={"get": counts(1, 2)})
    assert Tally.from_json(made.as_json()) == made
