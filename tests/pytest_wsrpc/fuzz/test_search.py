"""The search tries few cases at a time, goes on after a failure, and ends with a simple case."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.database import InMemoryExampleDatabase
from msgspec import Meta

from pytest_wsrpc.fuzz.case import request
from pytest_wsrpc.fuzz.endpoints import Endpoint
from pytest_wsrpc.fuzz.search import Stop, search
from pytest_wsrpc.fuzz.simpler import simpler_values
from wsrpc import ApiPath, WsPathMixin
from wsrpc.rpc import methods_of


@pytest.fixture(autouse=True)
def database() -> Iterator[InMemoryExampleDatabase]:
    before = hypothesis.settings.get_current_profile_name()
    database = InMemoryExampleDatabase()
    hypothesis.settings.register_profile("search-tests", derandomize=False, database=database)
    hypothesis.settings.load_profile("search-tests")
    yield database
    hypothesis.settings.load_profile(before)


def run(
    strategy: st.SearchStrategy[Any], attempt: Any, count: int, seed: int = 1, **how: Any
) -> list[Any]:
    tried = []

    def record(case: Any) -> Any:
        tried.append(case)
        return attempt(case)

    search(strategy, record, name="n", seed=seed, max_examples=count, **how)
    return tried


@pytest.mark.parametrize("count", [1, 7, 10, 11, 25, 100])
def test_as_many_cases_are_tried_as_asked_for(count: int) -> None:
    tried = run(st.integers(), lambda case: None, count)
    assert len(tried) == count
    assert tried == run(st.integers(), lambda case: None, count)
    assert count < 5 or tried != run(st.integers(), lambda case: None, count, seed=2)


def test_cases_are_new_ones_rather_than_variations() -> None:
    pairs = st.tuples(*[st.integers(0, 10**6)] * 6)
    tried = run(pairs, lambda case: None, 100)
    assert len({number for case in tried for number in case}) > 400


def test_a_search_ends_where_there_are_no_more_cases() -> None:
    assert len(run(st.booleans(), lambda case: None, 1000)) < 20


def test_a_failure_that_is_easy_to_find_hides_no_other() -> None:
    def attempt(case: int) -> str | None:
        if case % 2:
            return "odd"
        return "rare" if case % 64 == 0 and case else None

    found = {attempt(case) for case in run(st.integers(0, 10**6), attempt, 300)}
    assert found == {"odd", "rare", None}


def test_a_replay_tries_nothing_but_what_failed_before() -> None:
    def attempt(case: int) -> str | None:
        return "large" if case > 1000 else "small" if case < -1000 else None

    strategy = st.integers(-(10**6), 10**6)
    assert run(strategy, attempt, 200, is_replay=True) == []
    assert {attempt(case) for case in run(strategy, attempt, 200)} == {"large", "small", None}
    replayed = run(strategy, attempt, 200, is_replay=True)
    assert {*replayed[:2]} == {1001, -1001}
    assert len(replayed) < 20
    assert {1001, -1001} == {*run(strategy, lambda case: None, 200, is_replay=True)[:2]}
    assert run(strategy, attempt, 200, is_replay=True) == []


def test_a_replay_that_fails_by_chance_ends_well() -> None:
    strategy = st.integers(0, 10**6)
    run(strategy, lambda case: "large" if case > 1000 else None, 200)
    answers = iter(["large"])
    assert run(strategy, lambda case: next(answers, None), 200, is_replay=True)


LISTED = [10**7, -5, 10**8]


def test_what_is_listed_comes_after_the_first_few_and_counts() -> None:
    small = st.integers(0, 100)
    tried = run(small, lambda case: None, 40, listed=LISTED)
    assert tried[10:13] == LISTED
    assert len(tried) == 40
    assert run(small, lambda case: None, 4, listed=LISTED)[2:] == LISTED[:2]


def test_what_failed_of_the_listed_is_replayed_until_it_passes() -> None:
    def attempt(case: int) -> str | None:
        return "negative" if case < 0 else None

    def again(attempt: Any, listed: list[int] = LISTED) -> list[Any]:
        return run(small, attempt, 40, is_replay=True, listed=listed)

    small = st.integers(0, 100)
    assert again(attempt) == []
    assert run(small, attempt, 40, listed=LISTED).count(-5) == 1
    assert again(attempt) == again(attempt) == [-5]
    assert again(attempt, LISTED[:1]) == []
    assert again(lambda case: None) == [-5]
    assert again(attempt) == []


def test_what_is_listed_is_made_simpler_once_for_each_failure() -> None:
    def attempt(case: Simple) -> str | None:
        return "large" if case.value > 100 else None

    tried = run(st.just(Simple(1)), attempt, 40, listed=[Simple(2**31), Simple(2**32)])
    failing = [case.value for case in tried if attempt(case)]
    assert 101 in failing
    assert failing[-1] == 2**32


def test_a_failure_drawn_is_not_made_simpler_again_for_what_is_listed() -> None:
    def attempt(case: Simple) -> str | None:
        return "large" if case.value > 100 else None

    tried = run(st.just(Simple(2**33)), attempt, 8, listed=[Simple(2**31), Simple(2**32)])
    assert [case.value for case in tried if attempt(case)][-2:] == [2**31, 2**32]


@pytest.mark.parametrize("phase", [hypothesis.Phase.reuse, hypothesis.Phase.generate])
def test_cases_are_tried_as_the_profile_says(phase: hypothesis.Phase) -> None:
    def attempt(case: int) -> str | None:
        return "negative" if case < 0 else None

    run(st.integers(0, 100), attempt, 40, listed=LISTED)
    database = hypothesis.settings.default.database  # type: ignore[union-attr]
    hypothesis.settings.register_profile("search-tests", phases=[phase], database=database)
    hypothesis.settings.load_profile("search-tests")
    replayed = run(st.integers(0, 100), attempt, 40, is_replay=True, listed=LISTED)
    tried = run(st.integers(0, 100), attempt, 40, listed=LISTED)
    if phase is hypothesis.Phase.reuse:
        assert (replayed, tried) == ([-5], [])
    else:
        assert (replayed, tried[10:13]) == ([], LISTED)


def test_hypothesis_reads_no_source_for_its_key_of_a_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read(function: Any) -> bytes:
        raise AssertionError("it does, for each few cases")

    monkeypatch.setattr("hypothesis.core.function_digest", read)
    assert len(run(st.integers(), lambda case: None, 30)) == 30


def test_a_stop_ends_a_search_at_once() -> None:
    def attempt(case: int) -> None:
        if case > 5:
            raise Stop

    assert run(st.integers(), attempt, 1000)[-1] > 5


def test_a_strategy_that_gives_few_cases_gives_all_that_it_has() -> None:
    class Rare:
        calls = 0

    def rarely(case: int) -> bool:
        Rare.calls += 1
        return Rare.calls < 12

    assert 0 < len(run(st.integers().filter(rarely), lambda case: None, 100)) < 12


@dataclass(frozen=True)
class Simple:
    value: Any

    def simpler(self) -> Iterator[Simple]:
        return map(Simple, simpler_values(self.value))


@pytest.mark.parametrize(
    ("values", "condition", "wanted"),
    [
        ([2**31], lambda value: value > 100, 101),
        ([-(2**63)], lambda value: value < -100, -101),
        ([1e308], lambda value: value > 100, 101),
        ([0.123456], lambda value: 0 < value < 1, 0.1),
        ([-2.5], lambda value: value < 0, -1),
        (["a/b:c,d;e=f.g-h@i"], lambda value: ":" in value, ":"),
        (["x" * 1024], lambda value: len(value) > 20, "a" * 21),
        (["x" * 1024], lambda value: len(value) > 40, "a" * 41),
        (["ß²x"], lambda value: value, "a"),
        ([[{"a": 77, "b": True}, None]], lambda value: value[0]["a"] > 5,
         [{"a": 6, "b": True}, None]),
    ],
)  # fmt: skip
def test_a_failing_value_is_made_simpler(values: Any, condition: Any, wanted: Any) -> None:
    def attempt(case: Simple) -> str | None:
        return "bad" if condition(case.value) else None

    tried = run(st.sampled_from(values).map(Simple), attempt, 1)
    assert [case for case in tried if attempt(case)][-1].value == wanted


def test_what_is_simple_has_nothing_simpler() -> None:
    for value in (0, "", None, True, False, [], {}, "a"):
        assert [v for v in simpler_values(value) if v != ""] == []
    assert [*simpler_values(0.0)] == []


def test_making_simpler_has_an_end() -> None:
    value = [random.Random(1).randrange(10**9) for _ in range(50)]
    tried = run(st.just(Simple(value)), lambda case: "bad", 1)
    assert len(tried) < 400


@dataclass
class Numbers:
    a: Annotated[int, Meta(ge=2)]


class View(ApiPath, WsPathMixin):
    async def ws_rpc_add(self, payload: Numbers) -> int:
        return payload.a

    async def ws_rpc_any(self, payload): ...  # type: ignore[no-untyped-def]


METHODS = methods_of(View)
ENDPOINT = Endpoint("/stream", View, METHODS)


def test_a_case_knows_simpler_calls_that_its_type_accepts() -> None:
    case = request(ENDPOINT, METHODS["add"], 7, {"a": 3, "b": "x"})
    assert [simpler.payload for simpler in case.simpler()] == [
        {"a": 2, "b": "x"}, {"a": 3, "b": ""}, {"a": 3, "b": "a"},
        {"a": 3, "b": "a"}, {"a": 3, "b": "0"}, {"a": 3, "b": " "},
    ]  # fmt: skip
    assert all(simpler.id == 7 for simpler in case.simpler())
    assert [*request(ENDPOINT, METHODS["add"], 7, {"a": 3}, code=-32602).simpler()] == []
    untyped = request(ENDPOINT, METHODS["any"], 7, {"a": 1})
    assert [simpler.payload for simpler in untyped.simpler()] == [{"a": 0}]


def test_a_case_is_shown_short() -> None:
    case = request(ENDPOINT, METHODS["add"], 0, {"a": "x" * 50_000})
    assert repr(case) == "Case(add, 50042 bytes)"

    @hypothesis.settings(database=None, phases=[hypothesis.Phase.generate])
    @hypothesis.given(st.just(case))
    def fails(case: Any) -> None:
        raise ValueError

    with pytest.raises(ValueError) as raised:
        fails()
    assert "Case(add, 50042 bytes)" in "\n".join(raised.value.__notes__)
