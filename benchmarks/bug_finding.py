"""How many of the defects planted in ``tests/corpus`` the fuzzer finds, and how fast.

::

    python benchmarks/bug_finding.py                     # every application, seed 1
    python benchmarks/bug_finding.py --only 'c*' --seed 1 --seed 2 --jobs 2 --json result.json
    python benchmarks/bug_finding.py --own-phase         # of each only the phase of its defect

Each run is what a user would start: ``pytest --wsrpc-fuzz`` in a directory with nothing but the
application, at default settings. What the corpus says about a defect is cut off before, so that it
cannot help. The exit code is 0 if everything was found and nothing else was told.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import fnmatch
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
CORPUS = ROOT / "tests" / "corpus"
PHASES = ("accepts", "refuses", "protocol", "sequence", "concurrent", "pubsub", "faults")
CORRECT = "(correct)"
METADATA = "\nDEFECT = "
INI = "[pytest]\nasyncio_default_fixture_loop_scope = function\n"
GOOD = ("found", "silent")
_NO_CHECK = "no check"
_NOTHING_RAN = 5
_FORGOTTEN = ("CI", "GITHUB_ACTIONS", "PYTEST_ADDOPTS")


@dataclass(frozen=True)
class Application:
    """One file of the corpus."""

    name: str
    source: str
    defect: dict[str, Any] | None
    options: tuple[str, ...]

    @property
    def phase(self) -> str:
        """The phase that is expected to find the defect."""
        return CORRECT if self.defect is None else str(self.defect["phase"])

    @property
    def checks(self) -> tuple[str, ...]:
        """The checks as which the defect may show."""
        return () if self.defect is None else tuple(self.defect["checks"])


@dataclass
class Result:
    """What one run of the fuzzer told of one application."""

    application: str
    phase: str
    seed: int
    verdict: str = ""
    """found, missed, silent (as it should be), alarm, hung (ended by us), or broken: pytest itself
    failed, or an item did without a check."""
    checks: list[str] = field(default_factory=list)
    """Those of the defect that failed."""
    alarms: list[str] = field(default_factory=list)
    """Failures that are not the defect's: ``item: check``."""
    cases: int | None = None
    seconds: float = 0.0
    output: str = field(default="", repr=False)


def read_corpus(globs: Iterable[str] = ("*",)) -> list[Application]:
    """Return the applications whose names match a glob, by phase, then by name."""
    found = []
    for path in CORPUS.glob("*.py"):
        if any(fnmatch.fnmatchcase(path.stem, glob) for glob in globs):
            source, _, metadata = path.read_text().partition(METADATA)
            values = {
                statement.targets[0].id: ast.literal_eval(statement.value)
                for statement in ast.parse(METADATA + metadata).body
                if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
            }
            options = tuple(values.get("OPTIONS", ()))
            found.append(Application(path.stem, source, values["DEFECT"], options))
    return sorted(found, key=lambda one: ((*PHASES, CORRECT).index(one.phase), one.name))


def run(application: Application, seed: int, own_phase: bool, timeout: float) -> Result:
    """Fuzz an application in a process of its own."""
    result = Result(application.name, application.phase, seed)
    with tempfile.TemporaryDirectory(prefix=f"{application.name}-") as name:
        directory = Path(name)
        (directory / f"{application.name}.py").write_text(application.source)
        (directory / "pytest.ini").write_text(INI)
        report = directory / "report.xml"
        target = f"{application.name}:create_app"
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly"]
        command += ["--wsrpc-fuzz", target, "--wsrpc-seed", str(seed), f"--junit-xml={report}"]
        command += application.options
        if own_phase and application.defect is not None:
            command += ["-k", application.phase]
        started = time.monotonic()
        code, result.output = execute(command, directory, timeout)
        result.seconds = round(time.monotonic() - started, 1)
        judge(result, application, code, report)
    return result


def execute(command: Sequence[str], directory: Path, timeout: float) -> tuple[int | None, str]:
    """Run a command and return its exit code, None if it had to be killed, and its output."""
    environment = {name: value for name, value in os.environ.items() if name not in _FORGOTTEN}
    paths = [str(ROOT), *filter(None, [environment.get("PYTHONPATH")])]
    environment |= {
        "PYTHONPATH": os.pathsep.join(paths),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(directory / ".hypothesis"),
        "COLUMNS": "100",
    }
    log = directory / "output.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        code: int | None = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(timeout)
        # the fuzzer's own children too, if it left any
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return code, log.read_text(errors="replace")


def judge(result: Result, application: Application, code: int | None, report: Path) -> None:
    """Compare what the run told with what is true."""
    if code is None:
        result.verdict = "hung"
        return
    if code not in (0, 1, _NOTHING_RAN) or not report.exists():
        result.verdict = "broken"
        return
    tree = ElementTree.parse(report)
    result.cases = cases_in(tree)
    for case in tree.iter("testcase"):
        item = f"{case.get('classname', '').partition('/')[2]}.{case.get('name')}"
        failed = case.find("failure") is not None or case.find("error") is not None
        checks = [
            str(entry.get("value"))
            for entry in case.iter("property")
            if entry.get("name") == "wsrpc_check"
        ]
        for check in checks or ([_NO_CHECK] if failed else []):
            if check in application.checks:
                result.checks.append(check)
            else:
                result.alarms.append(f"/{item}: {check}")
    result.checks = sorted(set(result.checks))
    if any(alarm.endswith(_NO_CHECK) for alarm in result.alarms):
        result.verdict = "broken"
    elif result.alarms:
        result.verdict = "alarm"
    elif application.defect is None:
        result.verdict = "silent"
    else:
        result.verdict = "found" if result.checks else "missed"


def cases_in(tree: Any) -> int | None:
    """Add up the cases of the items in a report."""
    told = [entry for entry in tree.iter("property") if entry.get("name") == "wsrpc_cases"]
    return sum(int(entry.get("value") or 0) for entry in told) if told else None


def line(result: Result) -> str:
    """Return a result as a line of the table."""
    cases = "-" if result.cases is None else str(result.cases)
    told = ", ".join([*result.checks, *result.alarms])
    return (
        f"{result.phase:<11} {result.application:<13} {result.seed:>4}  {result.verdict:<7}"
        f"{cases:>7} {result.seconds:>6.1f} s  {told}"
    ).rstrip()


def summary(results: Sequence[Result]) -> str:
    """Return the totals by phase."""
    lines = ["", f"{'phase':<11} {'runs':>5} {'good':>5}  {'median':>8} {'longest':>8}  the others"]
    for phase in (*PHASES, CORRECT):
        group = [result for result in results if result.phase == phase]
        if group:
            seconds = [result.seconds for result in group]
            others = [one for one in group if one.verdict not in GOOD]
            named = ", ".join(f"{one.application} {one.verdict}" for one in others)
            lines.append(
                f"{phase:<11} {len(group):>5} {len(group) - len(others):>5}  "
                f"{statistics.median(seconds):>6.1f} s {max(seconds):>6.1f} s  {named}".rstrip()
            )
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", action="append", metavar="GLOB", help="names of applications")
    parser.add_argument("--phase", action="append", choices=(*PHASES, CORRECT), help="of defects")
    parser.add_argument("--seed", action="append", type=int, metavar="N", help="default: 1")
    parser.add_argument("--jobs", "-j", type=int, default=1, metavar="N", help="runs at a time")
    parser.add_argument("--own-phase", action="store_true", help="run the defect's phase alone")
    parser.add_argument("--timeout", type=float, default=180, metavar="SECONDS", help="of one run")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    parser.add_argument("--outputs", type=Path, metavar="DIR", help="keep what pytest wrote there")
    return parser.parse_args()


def main() -> int:
    """Run, print a line as soon as each run is over, then the totals."""
    given = arguments()
    applications = [
        application
        for application in read_corpus(given.only or ("*",))
        if not given.phase or application.phase in given.phase
    ]
    if not applications:
        print("no application has such a name", file=sys.stderr)
        return 2
    work = [(application, seed) for seed in given.seed or [1] for application in applications]
    results = []
    with ThreadPoolExecutor(given.jobs) as pool:
        for result in pool.map(lambda one: run(*one, given.own_phase, given.timeout), work):
            results.append(result)
            print(line(result), flush=True)
            if given.outputs is not None:
                given.outputs.mkdir(parents=True, exist_ok=True)
                name = f"{result.application}-{result.seed}.txt"
                (given.outputs / name).write_text(result.output)
    print(summary(results))
    if given.json is not None:
        told = {
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
            "runs": [
                {name: value for name, value in asdict(result).items() if name != "output"}
                for result in results
            ],
        }
        given.json.write_text(json.dumps(told, indent=1) + "\n")
    return 0 if all(result.verdict in GOOD for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
