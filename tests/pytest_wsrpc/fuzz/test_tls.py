"""How connections through TLS are made sure of, in what is pasted."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from pytest_wsrpc.fuzz.tls import Tls


def test_a_pasted_test_trusts_whom_the_run_trusted(tmp_path: Path) -> None:
    ca = tmp_path / "it's a ca.pem"
    trustme.CA().cert_pem.write_to_path(str(ca))
    name, _, made = Tls(ca).written().partition("=")
    assert name == "ssl"
    [trusted] = eval(made, {"ssl": ssl}).get_ca_certs()
    assert trusted["subject"] == Tls(ca).context().get_ca_certs()[-1]["subject"]


@pytest.mark.parametrize(("tls", "written"), [(Tls(), ""), (Tls(verifies=False), "ssl=False")])
def test_a_pasted_test_asks_for_no_more_than_the_run_did(tls: Tls, written: str) -> None:
    assert tls.written() == written


def test_where_nothing_is_verified_a_file_does_not_matter(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(ca))
    assert Tls(ca, verifies=False).written() == "ssl=False"
    assert Tls(ca, verifies=False).context().verify_mode is ssl.CERT_NONE
