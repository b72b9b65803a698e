"""A conversation is kept whole where that is possible, and says what it lacks where it is not."""

from __future__ import annotations

import json

from pytest_wsrpc.report.story import (
    KEPT_CHARACTERS,
    KEPT_STEPS,
    KEPT_TEXT,
    SHORT_TEXT,
    Step,
    Story,
)


def test_a_story_passes_as_json() -> None:
    steps = [Step(0.0, "sent", 0, "{}"), Step(1.5, "fault", None, "drop"), Step(2.0, "failed")]
    story = Story.of(["alice"], steps)
    assert story == Story(["alice"], steps)
    assert Story.from_json(json.loads(json.dumps(story.as_json()))) == story


def test_of_a_long_message_the_middle_is_left_out() -> None:
    [step] = Story.of([], [Step(0.0, "sent", 0, "a" * KEPT_TEXT + "z" * 10, cut=5)]).steps
    assert len(step.text) == KEPT_TEXT
    assert step.text.startswith("aaa")
    assert step.text.endswith("a" + "z" * 10)
    assert step.cut == 15


def test_of_a_long_conversation_the_middle_is_left_out() -> None:
    steps = [Step(float(number), "sent", 0, str(number)) for number in range(KEPT_STEPS + 30)]
    kept = Story.of(["a"], steps).steps
    first = KEPT_STEPS // 4
    assert kept[:first] == steps[:first]
    assert kept[first] == Step(float(first), "left_out", None, "30 steps")
    assert kept[first + 1 :] == steps[first + 30 :]


def test_the_last_messages_are_kept_when_all_are_long() -> None:
    many = KEPT_CHARACTERS // KEPT_TEXT + 2
    kept = Story.of(["a"], [Step(0.0, "sent", 0, "x" * KEPT_TEXT) for _ in range(many)]).steps
    assert [len(step.text) for step in kept] == [SHORT_TEXT] * 2 + [KEPT_TEXT] * (many - 2)
    assert {step.cut for step in kept} == {0, KEPT_TEXT - SHORT_TEXT}


def test_what_no_file_can_hold_becomes_a_question_mark() -> None:
    story = Story.of(["\ud800"], [Step(0.0, "failed", None, "a\udc80b")])
    assert (story.clients, story.steps[0].text) == (["?"], "a?b")
