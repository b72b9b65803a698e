"""Exceptions of the protocol, their codes, and the close codes.

::

    Exception
    ├── RpcError                a call is answered with an error; any integer code
    │   ├── ParseError          -32700  the message is not JSON
    │   ├── InvalidRequest      -32600  JSON, but no request object in a text frame
    │   ├── MethodNotFound      -32601  no such method
    │   ├── InvalidParams       -32602  the payload is not what the method takes
    │   │   ├── CannotPublish           the broker refuses to publish to the channel
    │   │   └── CannotSubscribe         the broker refuses the channel's subscription
    │   ├── InternalError       -32603  the handler failed
    │   ├── CallTimeout         -32001  no answer within the call timeout
    │   ├── TooManyRequests     -32002  more calls waiting than the connection may queue
    │   ├── Forbidden           -32003  refused by ``authorize``
    │   ├── BrokerUnavailable   -32004  the backend cannot be reached
    │   └── ShuttingDown        -32005  the server is shutting down
    ├── ChannelCallbackError    a channel callback asks to be removed
    └── ConnectionError
        └── ConnectionClosed    an operation on a connection that is closed

Codes from -32700 to -32600 are those of JSON-RPC 2.0, section 5.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, ClassVar

INVALID_PARAMS_MESSAGE = "Invalid RPC parameters"


class CloseCode(IntEnum):
    """Close codes that the server sends (RFC 6455, section 7.4.1), and why."""

    OK = 1000
    """The application closed the connection: it is done with this client."""
    GOING_AWAY = 1001
    """The server shuts down; come back, perhaps to another server."""
    MESSAGE_TOO_BIG = 1009
    """A message over ``Limits.message_size``; the same message will fail again."""
    INTERNAL_ERROR = 1011
    """The data of an event could not be made; come back."""
    TRY_AGAIN_LATER = 1013
    """The client reads too slowly: its outbox went over ``Limits.outbox_size``."""


class RpcError(Exception):
    """Answer a call with an error.

    `code` is any integer, `message` a short sentence for the caller, `errors` what is wrong
    with which field, nested like the payload. A handler raises it to refuse for reasons of its
    own; a client raises it for an error reply.
    """

    code: int
    message: str
    errors: dict[str, Any] | None

    def __init__(self, code: int, message: str, errors: Mapping[str, Any] | None = None) -> None:
        if type(code) is not int:
            raise TypeError(f"code must be an integer, got {code!r}")
        if not isinstance(message, str):
            raise TypeError(f"message must be a string, got {message!r}")
        message.encode()  # a lone surrogate could neither be sent nor logged
        if errors is not None and not isinstance(errors, Mapping):
            raise TypeError(f"errors must be a mapping of fields or None, got {errors!r}")
        super().__init__(code, message, errors)
        self.code = code
        self.message = message
        self.errors = None if errors is None else dict(errors)

    def __str__(self) -> str:
        detail = f" {self.errors}" if self.errors else ""
        return f"{self.message} ({self.code}){detail}"

    def __reduce__(self) -> tuple[Any, ...]:
        state = dict(vars(self))  # what subclasses add
        return _rebuild, (type(self), self.code, self.message, self.errors), state


class _StandardError(RpcError):
    """An error with a code of its own and a message that may be replaced."""

    CODE: ClassVar[int]
    MESSAGE: ClassVar[str]

    def __init__(self, message: str | None = None, errors: Mapping[str, Any] | None = None) -> None:
        super().__init__(self.CODE, self.MESSAGE if message is None else message, errors)


class ParseError(_StandardError):
    """The message is not JSON."""

    CODE = -32700
    MESSAGE = "JSON string expected"


class InvalidRequest(_StandardError):
    """The message is JSON, but no request."""

    CODE = -32600
    MESSAGE = "Malformed message"


class MethodNotFound(_StandardError):
    """The endpoint has no such method."""

    CODE = -32601
    MESSAGE = INVALID_PARAMS_MESSAGE


class InvalidParams(RpcError):
    """Refuse a payload: `errors` tells for each field what is wrong with it."""

    CODE: ClassVar[int] = -32602

    def __init__(
        self, errors: Mapping[str, Any] | None = None, message: str = INVALID_PARAMS_MESSAGE
    ) -> None:
        super().__init__(self.CODE, message, errors)


class CannotPublish(InvalidParams):
    """The broker refuses to publish to the channel."""

    ERRORS: ClassVar[Mapping[str, str]] = {"channel": "Cannot publish to channel"}

    def __init__(self, reason: str = "") -> None:
        super().__init__(self.ERRORS)
        self.reason = reason
        """Why, for the server's log; never sent."""


class CannotSubscribe(InvalidParams):
    """The broker refuses the subscription to the channel."""

    ERRORS: ClassVar[Mapping[str, str]] = {"channel": "Invalid channel"}

    def __init__(self, reason: str = "") -> None:
        super().__init__(self.ERRORS)
        self.reason = reason
        """Why, for the server's log; never sent."""


class InternalError(_StandardError):
    """The handler failed in a way that only the server's log tells."""

    CODE = -32603
    MESSAGE = "Internal error"


class CallTimeout(_StandardError):
    """No answer within the call timeout; a publish may have been delivered all the same."""

    CODE = -32001
    MESSAGE = "Timed out"


class TooManyRequests(_StandardError):
    """More calls, or bytes of calls, wait than the connection may queue."""

    CODE = -32002
    MESSAGE = "Too many requests"


class Forbidden(_StandardError):
    """The caller may not do this."""

    CODE = -32003
    MESSAGE = "Forbidden"


class BrokerUnavailable(_StandardError):
    """The backend cannot be reached; a publish may have been delivered all the same."""

    CODE = -32004
    MESSAGE = "Service unavailable"


class ShuttingDown(_StandardError):
    """The server is shutting down and takes no more calls."""

    CODE = -32005
    MESSAGE = "Shutting down"


class ChannelCallbackError(Exception):
    """Raised by a channel callback to be removed from the channel."""


class ConnectionClosed(ConnectionError):
    """The connection is closed: `code` as in RFC 6455, 1006 where no close frame came."""

    def __init__(
        self, code: int, reason: str = "", *, sent: bool = False, returning: bool = False
    ) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason
        self.sent = sent
        """Whether the request had been sent, so that the server may have carried it out."""
        self.returning = returning
        """Whether the client is coming back, so that a later call may succeed."""

    def __str__(self) -> str:
        return (
            f"the connection is closed: code {self.code}"
            + (f", {self.reason}" if self.reason else "")
            + ("; the call was sent, and may have been carried out" if self.sent else "")
            + ("; the client is coming back" if self.returning else "")
        )


_BY_CODE: dict[int, type[_StandardError]] = {
    cls.CODE: cls
    for cls in (
        ParseError,
        InvalidRequest,
        MethodNotFound,
        InternalError,
        CallTimeout,
        TooManyRequests,
        Forbidden,
        BrokerUnavailable,
        ShuttingDown,
    )
}


def from_wire(error: Mapping[str, Any]) -> RpcError:
    """Return the exception for the ``error`` member of a reply: the class that the server raised.

    A code without a class gives a plain `RpcError`. Raises `ValueError` for an object that is no
    error of the protocol.
    """
    code, message, errors = error.get("code"), error.get("message"), error.get("errors")
    if (
        type(code) is not int
        or not isinstance(message, str)
        or not (errors is None or isinstance(errors, dict))
    ):
        raise ValueError(
            f"expected an error with an integer code, a message and perhaps errors, got {error!r}"
        )
    return _make(code, message, errors)


def _make(code: int, message: str, errors: dict[str, Any] | None) -> RpcError:
    if code == InvalidParams.CODE:
        for refusal in (CannotPublish, CannotSubscribe):
            if errors == refusal.ERRORS and message == INVALID_PARAMS_MESSAGE:
                return refusal()
        return InvalidParams(errors, message)
    if code in _BY_CODE:
        return _BY_CODE[code](message, errors)
    return RpcError(code, message, errors)


def _rebuild(
    cls: type[RpcError], code: int, message: str, errors: dict[str, Any] | None
) -> RpcError:
    """Unpickle an error (pytest-xdist sends them between processes)."""
    error = cls.__new__(cls)
    RpcError.__init__(error, code, message, errors)
    return error
