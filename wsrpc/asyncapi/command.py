"""``python -m wsrpc describe``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ..application import BadTarget, load
from .build import document, to_json
from .page import to_html


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; usage errors exit with 2."""
    parser = argparse.ArgumentParser(
        prog="python -m wsrpc", description="Tools for wsrpc applications."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    describe = commands.add_parser(
        "describe",
        help="print the AsyncAPI document of an application",
        description="Print the AsyncAPI 3.0 document of an application.",
    )
    describe.add_argument(
        "target",
        metavar="MODULE:ATTRIBUTE",
        help="an aiohttp application or a function that makes one, such as myapp:create_app",
    )
    describe.add_argument("--output", metavar="FILE", type=Path, help="write it to a file instead")
    describe.add_argument(
        "--format", choices=["json", "html"], default="json", help="html is a page for people"
    )
    describe.add_argument("--title", default="Websocket API", help="of the API (%(default)s)")
    describe.add_argument("--version", default="1.0.0", help="of the API (%(default)s)")
    describe.add_argument("--description", default="", help="of the API")
    describe.add_argument(
        "--server",
        metavar="NAME=URL",
        action="append",
        default=[],
        help="where it is served, such as production=wss://api.example.com; may be repeated",
    )
    _describe(describe, parser.parse_args(arguments))
    return 0


def _describe(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    servers = dict(_server(parser, text) for text in options.server)
    try:
        app = load(options.target, Path.cwd())
    except BadTarget as error:
        parser.exit(2, f"{parser.prog}: error: {options.target}: {error}\n")
    try:
        described = document(
            app,
            title=options.title,
            version=options.version,
            description=options.description,
            servers=servers,
        )
    except (TypeError, NameError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: error: {options.target}: {error}\n")
    text = to_html(described).encode() if options.format == "html" else to_json(described)
    if options.output is None:
        _print(text)
        return
    try:
        options.output.write_bytes(text)
    except OSError as error:
        parser.exit(
            1,
            f"{parser.prog}: error: --output expects a file that can be written, got "
            f"{options.output}: {error.strerror}\n",
        )


def _print(text: bytes) -> None:
    try:
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # whoever reads has read enough; Python would complain about the rest when it ends
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _server(parser: argparse.ArgumentParser, text: str) -> tuple[str, str]:
    name, sign, url = text.partition("=")
    if not name or not sign:
        parser.error(
            f"--server expects NAME=URL, such as production=wss://api.example.com, got {text!r}"
        )
    return name, url
