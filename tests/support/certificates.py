"""Certificates for a server of the tests, by an authority that nobody else trusts."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from pathlib import Path


class Certificates(NamedTuple):
    """Files: the authority to trust, and what a server shows."""

    authority: Path
    certificate: Path
    key: Path


def make_certificates(folder: Path, *hosts: str) -> Certificates:
    """Make an authority and a certificate for 127.0.0.1, localhost and other hosts. Skips the test without openssl."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make certificates")
    made = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    names = ",".join(["IP:127.0.0.1", "DNS:localhost", *(f"DNS:{host}" for host in hosts)])
    (folder / "extensions").write_text(f"subjectAltName={names}\n")

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    run("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test Authority", "-days", "2")
    run("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    run(
        *("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
        *("-out", "server.pem", "-days", "2", "-extfile", "extensions"),
    )
    return made
