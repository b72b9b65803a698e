"""What the command lines of the measurements have in common."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.comparison.workloads import Sizes

Kind = TypeVar("Kind")


def parser_of(doc: str | None, sizes: Any) -> ArgumentParser:
    """Return a parser whose help begins as the module's does, with an option for each size."""
    parser = ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("--no-pin", action="store_true", help="leave the cores to the system")
    for one in fields(sizes):
        default = getattr(sizes, one.name)
        parser.add_argument(f"--{one.name}", type=type(default), default=default)
    return parser


def rounds_parser(
    doc: str | None, servers: Iterable[str], workloads: Iterable[str], sizes: Sizes
) -> ArgumentParser:
    """Return a parser that has what rounds of workloads on servers need, too."""
    parser = parser_of(doc, sizes)
    parser.add_argument("--only", action="append", choices=servers, help="this one; repeatable")
    parser.add_argument("--workload", action="append", choices=workloads, help="repeatable")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write every figure of every round to this file")
    parser.add_argument("--read", type=Path, help="measure nothing, take the figures of --json")
    parser.add_argument(
        "--share", action="store_true", help="one process of a server for all: fast, less exact"
    )
    return parser


def sizes_in(options: Namespace, kind: type[Kind]) -> Kind:
    """Return the sizes that the command line asks for."""
    return kind(**{one.name: getattr(options, one.name) for one in fields(kind)})


def data_for(options: Namespace, measure: Callable[[Namespace], dict[str, Any]]) -> dict[str, Any]:
    """Return the figures that were measured now, or are read; write them if that is asked for."""
    data = json.loads(options.read.read_text()) if options.read else measure(options)
    if options.json:
        options.json.write_text(json.dumps(data, indent=1) + "\n")
    return data
