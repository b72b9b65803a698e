"""``--wsrpc-fuzz ws://...``: a server on some URL as what is fuzzed."""

from __future__ import annotations

import hashlib
import os.path
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest
from aiohttp import web
from yarl import URL

from ..endpoints import Endpoint
from ..settings import Settings, as_given
from ..target import OPTION, Target
from ..tls import Tls
from .address import BadAddress, is_url, parsed, secrets, shown, without_query
from .channels import UrlEndpoint, endpoints_at
from .fetching import BadDocument, Fetcher, name_of
from .references import Documents

SCHEMA = "--wsrpc-schema"


@dataclass(frozen=True)
class UrlTarget(Target):
    """A server that is known by its URL and by the AsyncAPI document of what it does."""

    url: URL = field(default_factory=URL)
    schema: str = ""
    """Where the document is: a URL, its secrets not shown, or a path from where pytest started."""
    found: tuple[UrlEndpoint, ...] = ()
    tls: Tls = field(default_factory=Tls)

    is_remote = True

    @property
    def is_factory(self) -> bool:
        """Whether each case gets a server of its own: never."""
        return False

    @property
    def secrets(self) -> list[str]:
        """The names in the queries of its URLs whose values are not shown."""
        return secrets(self.url) + self.schema_secrets

    @property
    def schema_secrets(self) -> list[str]:
        """Those in the query of the document's URL."""
        return secrets(URL(self.schema)) if is_url(self.schema) else []

    def endpoints(self) -> list[Endpoint]:
        """Return the channels that fit the URL."""
        return list(self.found)

    def at(self, path: str) -> str:
        """Return the URL of a path, its secrets not shown."""
        return shown(self.full(path))

    def full(self, path: str) -> URL:
        """Return the URL of a path with its query, both percent-encoded."""
        start = str(self.url.origin())
        return URL(start + path, encoded=True)


def find(spec: str, settings: Settings, config: pytest.Config) -> UrlTarget:
    """Return the target at a URL; raises `pytest.UsageError` in one line for what is wrong."""
    try:
        url = parsed(spec)
    except BadAddress as error:
        raise pytest.UsageError(f"{OPTION} {spec}: {error}") from None
    if settings.schema is None:
        raise pytest.UsageError(
            f"{OPTION} {shown(url)}: give {SCHEMA} FILE_OR_URL, the AsyncAPI document of the server"
        )
    given = as_given(config, "wsrpc_schema")
    fetcher = Fetcher(dict(settings.headers), (url.host, url.port), settings.tls)
    documents = Documents(fetcher)
    base = base_of(settings.schema)
    try:
        found = endpoints_at(url, base, documents)
    except BadDocument as error:
        raise pytest.UsageError(f"{given}: {error}") from None
    return UrlTarget(
        spec=shown(url),
        module=ModuleType("wsrpc_url"),
        attribute=_node_name(url),
        value=web.Application,
        path=_file_of(base, fetcher, config),
        url=url,
        schema=_from_here(settings.schema, config.invocation_params.dir),
        found=tuple(found),
        tls=settings.tls,
    )


def _from_here(schema: str, directory: Path) -> str:
    return shown(URL(schema)) if is_url(schema) else os.path.relpath(schema, directory)


def base_of(schema: str) -> str:
    """Return where a document is as a URL, that of a file if it is none."""
    return schema if is_url(schema) else Path(schema).resolve().as_uri()


def described(schema: str, url: str) -> Mapping[str, Endpoint]:
    """Return the endpoints at a URL by path, as a document describes them.

    For a check of your own in a test: what `exchange_of` and `record_of` take for an application.
    Raises `ValueError` where the document does not tell of the URL.
    """
    parsed_url = parsed(url)
    documents = Documents(Fetcher({}, (None, None), Tls()))
    try:
        found = endpoints_at(parsed_url, base_of(schema), documents)
    except BadDocument as error:
        raise ValueError(f"{schema}: {error}") from None
    return {endpoint.path: endpoint for endpoint in found}


def _node_name(url: URL) -> str:
    """Return the URL as part of a pytest id, where brackets and double colons have a meaning."""
    plain = without_query(url)
    return plain.replace("[", "(").replace("]", ")").replace("::", ":")


def _file_of(base: str, fetcher: Fetcher, config: pytest.Config) -> Path:
    """Return the file of a document; one from elsewhere gets one, as ids begin with a file."""
    if base.startswith("file:"):
        return Path(name_of(base))
    cache = getattr(config, "cache", None)
    if cache is not None:
        directory = Path(cache.mkdir("wsrpc-schemas"))
    else:
        directory = Path(tempfile.gettempdir())
    place = without_query(URL(base)).partition("://")[2]
    plain = re.sub(r"[^A-Za-z0-9.-]+", "-", place)[:80].strip("-")
    file = directory / f"{plain}-{hashlib.sha256(base.encode()).hexdigest()[:8]}.json"
    file.write_text(f"{shown(URL(base))}\n")
    return file
