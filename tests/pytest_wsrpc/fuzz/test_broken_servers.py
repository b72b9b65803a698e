"""Defects that no application on wsrpc can have: a server that breaks the protocol itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]

SERVER = """
    async def get(self):
        socket = web.WebSocketResponse(decode_text=False)
        await socket.prepare(self.request)
        async for message in socket:
            for frame in answers(message):
                if isinstance(frame, int):
                    await socket.close(code=frame)
                elif isinstance(frame, bytes):
                    await socket.send_bytes(frame)
                else:
                    await socket.send_str(frame if isinstance(frame, str) else json.dumps(frame))
        return socket
"""

ANSWERS = """
import json
from wsrpc.errors import RpcError, InvalidParams
from wsrpc.protocol import Rejected, decode, parse_request
from wsrpc.rpc import methods_of

def answers(message):
    head, result, error = {{}}, {{"value": 1}}, None
    try:
        if message.type != 1:
            raise RpcError(-32600, "Text message expected")
        request = parse_request(decode(message.data))
        head = {{"id": request.id, "method": request.method}}
        if request.method == "no-such-method":
            raise RpcError(-32601, "No such method")
        if request.method != "add":
            raise RpcError(-32601, "No such method", {{"method": "unknown"}})
        methods_of(Stream)["add"].payload.validate(request.payload)
    except Rejected as refusal:
        head = {{name: value for name, value in (("id", refusal.id), ("method", refusal.method))
                if value is not None}}
        error = refusal.error
    except RpcError as refusal:
        error = refusal
    if error is not None:
        refused = {{"code": error.code, "message": error.message, "errors": error.errors or {{}}}}
        if head.get("method") == "no-such-method":
            return [{{**head, "error": refused}}]
    else:
        refused = None
    {code}
    return [{{**head, "response": result}} if error is None else {{**head, "error": refused}}]
"""

BROKEN = {
    "two replies": (
        "accepts",
        "one-reply-in-time",
        "if error is None: return 2 * [{**head, 'response': result}]",
    ),
    "another id": (
        "accepts",
        "well-formed",
        "if error is None: return [{**head, 'id': '1', 'response': result}]",
    ),
    "false for zero": (
        "accepts",
        "well-formed",
        "if head['id'] == 0: return [{**head, 'id': False, 'response': result}]",
    ),
    "no method": (
        "accepts",
        "well-formed",
        "if error is None: return [{'id': head['id'], 'response': result}]",
    ),
    "both": (
        "accepts",
        "well-formed",
        "if error is None: return [{**head, 'response': result, 'error': {}}]",
    ),
    "neither": ("accepts", "well-formed", "if error is None: return [head]"),
    "unknown member": (
        "accepts",
        "well-formed",
        "if error is None: return [{**head, 'response': result, 'jsonrpc': '2.0'}]",
    ),
    "no JSON": ("accepts", "well-formed", "if error is None: return ['{']"),
    "binary": ("accepts", "well-formed", "if error is None: return [b'{}']"),
    "a list": ("accepts", "well-formed", "if error is None: return [[head]]"),
    "an event without data": (
        "accepts",
        "well-formed",
        "if error is None: return [{'channel': 'a', 'event': 'b'}, {**head, 'response': result}]",
    ),
    "a valid payload refused": (
        "accepts",
        "valid-accepted",
        "if error is None: return [{**head, 'error': {'code': -32600, 'message': 'no'}}]",
    ),
    "a null for a number": (
        "accepts",
        "conforms",
        "if error is None: return [{**head, 'response': {'value': None}}]",
    ),
    "an invalid payload accepted": (
        "refuses",
        "invalid-refused",
        "if error is not None: return [{**head, 'response': result}]",
    ),
    "another code": (
        "refuses",
        "invalid-refused",
        "if error is not None: refused['code'] = -32600",
    ),
    "no field named": ("refuses", "invalid-refused", "if error is not None: refused.pop('errors')"),
    "a wrong field named": (
        "refuses",
        "invalid-refused",
        "if error is not None: refused['errors'] = {'z': 'wrong'}",
    ),
    "a leak in the errors": (
        "refuses",
        "no-leak",
        "if error is not None: refused['errors'] = {name: 'at 0x7f00aa' for name in error.errors}",
    ),
    "an error that is no object": (
        "refuses",
        "well-formed",
        "if error is not None: return [{**head, 'error': 'no'}]",
    ),
    "a code that is no integer": (
        "refuses",
        "well-formed",
        "if error is not None: refused['code'] = '7'",
    ),
    "an error without a message": (
        "refuses",
        "well-formed",
        "if error is not None: refused.pop('message')",
    ),
    "a malformed message answered with another code": (
        "protocol",
        "invalid-refused",
        "if error is not None: refused['code'] = -32000",
    ),
    "a malformed message closes": (
        "protocol",
        "stays-open",
        "if error is not None: return [1003]",
    ),
    "an id where none was readable": (
        "protocol",
        "well-formed",
        "if 'id' not in head: head['id'] = None",
    ),
    "a binary message closes": (
        "protocol",
        "stays-open",
        "if message.type != 1: return [1003]",
    ),
    "the probe closes": (
        "accepts",
        "stays-open",
        "if error is None: return [{**head, 'response': result}, 1011]",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_server_is_found_and_the_pasted_test_fails_too(
    write_app: Callable[..., None],
    fuzz: Run,
    paste: Callable[[pytest.RunResult], str],
    pytester: pytest.Pytester,
    name: str,
) -> None:
    phase, check, code = BROKEN[name]
    write_app(SERVER, end=ANSWERS.format(code=code))
    result = fuzz("-k", phase, "--wsrpc-max-examples=40", "--wsrpc-case-timeout=1")
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines([f"check: {check}"])
    pytester.makepyfile(test_pasted=paste(result))
    again = pytester.runpytest_inprocess("-p", "no:randomly", "test_pasted.py")
    again.assert_outcomes(failed=1)


def test_the_broken_servers_are_sound_but_for_what_is_broken(
    write_app: Callable[..., None], fuzz: Run
) -> None:
    write_app(SERVER, end=ANSWERS.format(code="pass"))
    fuzz().assert_outcomes(passed=3)


def test_an_application_may_close_with_1000(write_app: Callable[..., None], fuzz: Run) -> None:
    write_app(SERVER, end=ANSWERS.format(code="if error is None: return [1000]"))
    fuzz("-k", "add").assert_outcomes(passed=2, deselected=1)


def test_a_silent_probe_is_a_missing_reply(write_app: Callable[..., None], fuzz: Run) -> None:
    probe = 'if request.method == "no-such-method":\n            return []'
    end = ANSWERS.format(code="pass").replace(
        'if request.method == "no-such-method":\n'
        '            raise RpcError(-32601, "No such method")',
        probe,
    )
    write_app(SERVER, end=end)
    result = fuzz("-k", "add and accepts", "--wsrpc-case-timeout=0.2")
    result.assert_outcomes(passed=1, deselected=2)
    result.stdout.fnmatch_lines(["warning: /stream add, accepts: no call was answered*"])
