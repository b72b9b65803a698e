"""Reading a document from a file or over HTTP: JSON, and YAML where PyYAML is there."""

from __future__ import annotations

import functools
import importlib
import json
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from yarl import URL

from ..tls import Tls

SECONDS: Final = 10.0
"""For an answer over HTTP."""

FILE: Final = "file"
_HTTP: Final = ("http", "https")
_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"


class BadDocument(Exception):
    """What cannot be read, or says what has no meaning; the message is one line for a person."""


class Fetcher:
    """Reads documents, with these headers where they come from this host and port."""

    def __init__(self, headers: Mapping[str, str], origin: tuple[str | None, int | None], tls: Tls):
        self._headers = headers
        self._origin = origin
        self._tls = tls

    def text(self, place: str) -> str:
        """Return what is at a ``file:``, ``http:`` or ``https:`` URL; raises `BadDocument`."""
        try:
            parts = urlsplit(place)
            if parts.scheme == FILE:
                data = Path(unquote(parts.path)).read_bytes()
            elif parts.scheme in _HTTP:
                data = self._over_http(place)
            else:
                raise BadDocument(f"{place} is neither a file nor at http:// or https://")
            return data.decode()
        except HTTPError as error:
            error.close()
            advice = "; is a --wsrpc-header missing?" if error.code in (401, 403) else ""
            raise BadDocument(f"GET {place} was answered with {error.code}{advice}") from None
        except URLError as error:
            raise BadDocument(f"GET {place} failed: {error.reason}") from None
        except UnicodeDecodeError:
            raise BadDocument(f"{place} is no text in UTF-8") from None
        except ValueError as error:
            raise BadDocument(f"{place} is no URL: {error}") from None
        except OSError as error:
            raise BadDocument(
                f"{name_of(place)} cannot be read: {error.strerror or error}"
            ) from None
        except HTTPException as error:
            raise BadDocument(f"GET {place} failed: {error!r}") from None

    def _over_http(self, place: str) -> bytes:
        url = URL(place)
        request = Request(place, headers={"Accept": "application/json, */*;q=0.5"})
        if (url.host, url.port) == self._origin:
            for name, value in self._headers.items():
                # not to where a redirect leads
                request.add_unredirected_header(name, value)
        opener = build_opener(ProxyHandler({}), HTTPSHandler(context=self._tls.context()))
        with opener.open(request, timeout=SECONDS) as answer:
            data: bytes = answer.read()
            return data


def name_of(place: str) -> str:
    """Return a place as a person would write it."""
    parts = urlsplit(place)
    return unquote(parts.path) if parts.scheme == FILE else place


def value_of(text: str, place: str) -> Any:
    """Return what a text says, as JSON has it; raises `BadDocument`."""
    try:
        return json.loads(text)
    except RecursionError:
        raise BadDocument(f"{name_of(place)} nests too deeply") from None
    except ValueError as error:
        path = urlsplit(place).path.lower()
        if path.endswith(".json") or text.lstrip()[:1] in ("{", "["):
            raise BadDocument(f"{name_of(place)} is no JSON: {error}") from None
    return _yaml(text, place)


def _yaml(text: str, place: str) -> Any:
    try:
        yaml: Any = importlib.import_module("yaml")
    except ImportError:
        raise BadDocument(
            f"{name_of(place)} is no JSON; for YAML, install PyYAML: pip install pyyaml"
        ) from None
    try:
        return yaml.load(text, Loader=_loader(yaml))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        told = " ".join(str(error).split())
        raise BadDocument(f"{name_of(place)} is neither JSON nor YAML: {told}") from None


@functools.cache
def _loader(yaml: Any) -> Any:
    """Return a loader that leaves dates texts, as they are in JSON."""
    resolvers = {
        first: [(tag, pattern) for tag, pattern in each if tag != _TIMESTAMP]
        for first, each in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return type("Loader", (yaml.SafeLoader,), {"yaml_implicit_resolvers": resolvers})
