"""What the corpus says of its applications is whole: phases, checks, and a proof of each."""

import ast
import re
from collections import Counter
from pathlib import Path

from pytest_wsrpc.fuzz.endpoints import endpoints_of

PHASES = {"accepts", "refuses", "protocol", "sequence", "concurrent", "pubsub", "faults"}
CHECKS = {
    "one-reply-in-time",
    "well-formed",
    "no-internal-error",
    "stays-open",
    "valid-accepted",
    "invalid-refused",
    "conforms",
    "no-leak",
    "right-connection",
    "serial",
    "loop-not-blocked",
    "nothing-left",
    "clean-under-faults",
    "pubsub",
}


def test_defects_need_every_phase_and_every_check(corpus):
    defects = [module.DEFECT for module in corpus.values() if module.DEFECT]
    assert len(defects) >= 42
    assert Counter(defect["phase"] for defect in defects).keys() == PHASES
    assert {defect["checks"][0] for defect in defects} == CHECKS
    for defect in defects:
        assert set(defect) == {"phase", "checks", "methods", "why"}
        assert set(defect["checks"]) <= CHECKS


def test_enough_applications_are_correct_and_odd(corpus):
    correct = [module for module in corpus.values() if module.DEFECT is None]
    assert len(correct) >= 12
    assert all(module.ODDITY for module in correct)


def test_the_methods_of_a_defect_are_there(corpus):
    for name, module in corpus.items():
        [endpoint] = endpoints_of(module.create_app())
        if module.DEFECT:
            assert endpoint.methods.keys() >= set(module.DEFECT["methods"]), name


def test_no_name_selects_a_phase(corpus):
    """``-k sequence`` has to mean the phase, not an application or a method."""
    for name, module in corpus.items():
        [endpoint] = endpoints_of(module.create_app())
        names = " ".join([name, endpoint.path, *endpoint.methods])
        assert not any(phase in names for phase in PHASES), name


def test_each_application_is_shown_by_hand(corpus):
    here = Path(__file__).parent
    sources = [path.read_text() for path in here.glob("test_*.py") if path != Path(__file__)]
    shown = Counter(re.findall(r"^async def test_(\w+)\(", "\n".join(sources), re.M))
    assert shown == Counter(list(corpus))


def test_what_is_told_of_an_application_comes_last(corpus):
    """The benchmark cuts it off, so that the fuzzer sees nothing of it."""
    for name, module in corpus.items():
        source, _, metadata = Path(module.__file__).read_text().partition("\nDEFECT = ")
        told = [statement.targets[0].id for statement in ast.parse(f"DEFECT = {metadata}").body]
        assert told[0] == "DEFECT", name
        assert set(told) <= {"DEFECT", "ODDITY", "OPTIONS"}, name
        assert not {"ODDITY", "OPTIONS"} & set(re.findall(r"^\w+", source, re.M)), name
