"""Rules as text: what they mean, and what is said about a mistake."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wsrpc
from pytest_wsrpc import strategies as ws
from pytest_wsrpc.faults import EFFECTS, FaultSyntaxError, Spec, parse
from pytest_wsrpc.faults.spec import duration_text, make


class Nested:
    class Error(Exception):
        pass


@pytest.mark.parametrize(
    ("text", "specs"),
    [
        ("", []),
        (" ;\n ; ", []),
        ("publish:drop", [make("publish", "drop")]),
        (" publish : drop ; ", [make("publish", "drop")]),
        (
            "publish:error=CannotPublish,probability=0.05; deliver:latency=50ms,jitter=20ms",
            [
                make("publish", "error", error=wsrpc.CannotPublish, probability=0.05),
                make("deliver", "latency", seconds=0.05, jitter=0.02),
            ],
        ),
        (
            "call:error=asyncio:CancelledError, method=add* , nth=3\nreply:stall",
            [
                make("call", "error", error=asyncio.CancelledError, method="add*", nth=3),
                make("reply", "stall"),
            ],
        ),
        (
            "reply:reorder,window=3,within=1s,every=2",
            [make("reply", "reorder", window=3, within=1, every=2)],
        ),
        (
            """publish:drop,channel="a,b;""c",event='it''s = here'""",
            [make("publish", "drop", channel='a,b;"c', event="it's = here")],
        ),
        ("publish:drop,event=''", [make("publish", "drop", event="")]),
        ("publish:drop,event=a=b", [make("publish", "drop", event="a=b")]),
        (
            "publish:error=ConnectionError,times=2,optional=True",
            [make("publish", "error", error=ConnectionError, times=2, optional=True)],
        ),
        ("publish:error=wsrpc.errors:Forbidden", [make("publish", "error", error=wsrpc.Forbidden)]),
    ],
)
def test_texts_and_their_rules(text, specs):
    assert parse(text) == specs
    assert parse("; ".join(map(str, specs))) == specs


def test_the_text_of_a_rule_names_what_differs_from_the_default():
    assert str(make("deliver", "latency", seconds=90)) == "deliver:latency=90s"
    assert str(make("deliver", "latency", seconds=0, jitter=1e-6)) == (
        "deliver:latency=0s,jitter=0.001ms"
    )
    assert str(make("deliver", "drop", event="*", optional=True)) == (
        "deliver:drop,event=*,optional=true"
    )
    assert str(make("deliver", "drop", channel=" a")) == 'deliver:drop,channel=" a"'
    assert repr(make("call", "error", error=asyncio.CancelledError)) == (
        "call:error=asyncio.exceptions:CancelledError"
    )
    assert str(make("call", "error", error=KeyError("x"))) == "call:error=\"KeyError('x')\""
    assert str(make("call", "error", error=KeyError())) == "call:error=KeyError()"
    assert str(make("call", "error", error=Nested.Error)).endswith(":Nested.Error")


@given(ws.faults(max_rules=5))
def test_what_is_drawn_has_a_text_that_means_the_same(schedule):
    assert tuple(parse(";".join(map(str, schedule)))) == schedule


@given(st.floats(0, 1e6))
def test_a_duration_has_a_text_that_means_nearly_the_same(seconds):
    (spec,) = parse(f"deliver:latency={duration_text(seconds)}")
    assert spec.seconds == pytest.approx(seconds, rel=1e-9, abs=1e-12)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\\[\r"), min_size=1))
def test_any_glob_on_one_line_has_a_text_that_means_the_same(glob):
    spec = make("publish", "drop", channel=glob)
    assert parse(str(spec)) == [spec]


LEGEND = """\
publish      latency, error, drop, duplicate, stall                 for channel, event
subscribe    latency, error, drop, duplicate, stall                 for channel
unsubscribe  latency, error, drop, duplicate, stall                 for channel
deliver      latency, drop, duplicate, reorder, corrupt, stall      for channel, event
call         latency, error, drop, duplicate, stall                 for method
reply        latency, drop, duplicate, reorder, corrupt, stall      for method"""

FORM = (
    "an exception is a builtin such as ConnectionError, a name of wsrpc such as CannotPublish, "
    "or 'module:Class'"
)

EXPECTED = FORM.replace("an exception is", "expected")

MISTAKES = {
    "publsh:drop": f"""
there is no point 'publsh'; did you mean 'publish'?
    publsh:drop
    ^^^^^^
{LEGEND}""",
    "deliver:drop; publish:eror=CannotPublish,times=2": f"""
there is no effect 'eror'; did you mean 'error'?
    publish:eror=CannotPublish,times=2
            ^^^^
{LEGEND}""",
    "deliver:error=ConnectionError": f"""
'error' is not possible at 'deliver': nobody waits for a delivery; drop it, or let 'publish' fail
    deliver:error=ConnectionError
            ^^^^^
{LEGEND}""",
    "publish": """
expected point:effect, such as publish:error=CannotPublish,times=2
    publish
    ^^^^^^^""",
    "publish:error=CanotPublish": f"""
there is no exception 'CanotPublish'; did you mean 'CannotPublish'?
    publish:error=CanotPublish
                  ^^^^^^^^^^^^
{FORM}""",
    "publish:error=wsrpc:CanotPublish": """
wsrpc has no 'CanotPublish'; did you mean 'CannotPublish' or 'Publish'?
    publish:error=wsrpc:CanotPublish
                  ^^^^^^^^^^^^^^^^^^""",
    "publish:error=missing:Error": """
the module 'missing' cannot be imported: ModuleNotFoundError: No module named 'missing'
    publish:error=missing:Error
                  ^^^^^^^^^^^^^""",
    "publish:error=wsrpc:": f"""
wsrpc: is no name of a class
    publish:error=wsrpc:
                  ^^^^^^
{FORM}""",
    "publish:error=wsrpc:LocalBroker": f"""
<class 'wsrpc.brokers.local.LocalBroker'> is no exception
    publish:error=wsrpc:LocalBroker
                  ^^^^^^^^^^^^^^^^^
{EXPECTED}""",
    "publish:error=builtins:KeyboardInterrupt": f"""
<class 'KeyboardInterrupt'> would end the test run
    publish:error=builtins:KeyboardInterrupt
                  ^^^^^^^^^^^^^^^^^^^^^^^^^^
{EXPECTED}""",
    "publish:error=RpcError": """
RpcError cannot be raised without arguments
    publish:error=RpcError
                  ^^^^^^^^
RpcError.__init__() missing 2 required positional arguments: 'code' and 'message'
give an instance in Python: ws_faults.error(..., RpcError(...))""",
    "publish:error": """
a value is missing: write error=CannotPublish
    publish:error
    ^^^^^^^^^^^^^""",
    "publish:latency=": """
a value is missing: write latency=50ms
    publish:latency=
    ^^^^^^^^^^^^^^^""",
    "publish:latency=5x": """
expected a duration such as 50ms, 1.5s, 10m or 24h, got '5x'; the units are us, ms, s, m, min, h, d
    publish:latency=5x
                    ^^""",
    "publish:drop=3": """
'drop' takes no value: write publish:drop
    publish:drop=3
                 ^""",
    "publish:drop,chanel=orders": """
there is no 'chanel'; did you mean 'channel'?
    publish:drop,chanel=orders
                 ^^^^^^
publish:drop takes channel, event, nth, every, times, probability, optional""",
    "call:drop,channel=orders": """
'drop' at 'call' does not take 'channel'
    call:drop,channel=orders
              ^^^^^^^
call:drop takes method, nth, every, times, probability, optional""",
    "publish:drop,seconds=3": """
there is no 'seconds'
    publish:drop,seconds=3
                 ^^^^^^^
publish:drop takes channel, event, nth, every, times, probability, optional""",
    "deliver:drop,window=3": """
'drop' at 'deliver' does not take 'window'
    deliver:drop,window=3
                 ^^^^^^
deliver:drop takes channel, event, nth, every, times, probability, optional""",
    "publish:drop,": """
expected a keyword such as times=2 behind the comma
    publish:drop,
                 ^""",
    "publish:drop,nth": """
a value is missing: write nth=3
    publish:drop,nth
                 ^^^""",
    "publish:drop,nth=two": """
nth must be an integer, got 'two'
    publish:drop,nth=two
                     ^^^""",
    "publish:drop,nth=0": """
nth must be at least 1, got 0
    publish:drop,nth=0
                     ^""",
    "deliver:reorder,window=1": """
window must be at least 2, got 1
    deliver:reorder,window=1
                           ^""",
    "publish:drop,nth=1,nth=2": """
'nth' is given twice
    publish:drop,nth=1,nth=2
                       ^^^""",
    "publish:drop,nth=1,every=2": """
nth picks one match and every picks many: give one of them
    publish:drop,nth=1,every=2
                             ^""",
    "publish:drop,probability=1.5": """
probability must be more than 0 and at most 1, got 1.5
    publish:drop,probability=1.5
                             ^^^""",
    "publish:drop,probability=often": """
probability must be a number, got 'often'
    publish:drop,probability=often
                             ^^^^^""",
    "publish:drop,optional=yes": """
optional must be true or false, got 'yes'
    publish:drop,optional=yes
                          ^^^""",
    "publish:drop,channel=[a": """
channel is no glob: the [ at position 0 of '[a' is not closed
    publish:drop,channel=[a
                         ^^""",
    'publish:drop,channel="a,event=b': """
the quote is not closed: "a
    publish:drop,channel="a,event=b
                         ^^""",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_mistakes(text):
    with pytest.raises(FaultSyntaxError) as caught:
        parse(text)
    assert f"\n{caught.value}" == MISTAKES[text]
    assert caught.value.rule == text.rpartition("; ")[2]
    assert caught.value.position == str(caught.value).splitlines()[2].index("^") - 4


def test_a_module_that_fails_says_how(pytester, monkeypatch):
    pytester.makepyfile(broken_errors="raise RuntimeError('not today')")
    monkeypatch.syspath_prepend(pytester.path)
    with pytest.raises(FaultSyntaxError, match="imported: RuntimeError: not today"):
        parse("publish:error=broken_errors:Error")


def test_every_effect_of_the_table_has_a_text():
    for point, effects in EFFECTS.items():
        for effect in effects:
            value = {"latency": "=1s", "error": "=ValueError"}.get(effect, "")
            (spec,) = parse(f"{point}:{effect}{value}")
            assert (spec.point, spec.effect) == (point, effect)
            assert isinstance(spec, Spec)
            assert hash(spec) == hash(parse(str(spec))[0])
