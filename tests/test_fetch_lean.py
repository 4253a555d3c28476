"""What a download imports, and what it leaves out."""

from __future__ import annotations

import subprocess
import sys

import pytest

PREPARED = "import sys; from pyv.fetch.wire import Wire; Wire.prepare(); "


def asked(program: str) -> str:
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_what_pyv_makes_no_use_of_is_not_imported() -> None:
    names = {
        "anyio",
        "asyncio",
        "certifi.core",
        "click",
        "idna.core",
        "zstandard.backend_c",
        "importlib.resources",
        "trio",
    }
    assert asked(f"{PREPARED}print(*{names} & set(sys.modules))") == ""


@pytest.mark.parametrize("name", ["anyio", "certifi", "click", "idna", "locale", "mimetypes", "zstandard"])
def test_it_can_be_imported_afterwards(name: str) -> None:
    assert asked(f"{PREPARED}import {name}; print({name}.__name__, {name}.__file__ is not None)") == f"{name} True"


def test_who_asks_for_certificates_of_a_package_gets_them() -> None:
    program = f"{PREPARED}import httpcore; print(len(httpcore.default_ssl_context().get_ca_certs()) > 50)"
    assert asked(program) == "True"


def test_another_thread_finds_what_it_needs_meanwhile() -> None:
    program = """
import importlib, threading
from pyv.fetch.lean import import_httpx
importing = threading.Thread(target=import_httpx)
importing.start()
found = 0
while importing.is_alive():
    importlib.import_module("zstandard").ZstdDecompressor()
    found += 1
print(found > 0)
"""
    assert asked(program) == "True"


def test_a_host_may_have_a_name_that_is_not_ascii() -> None:
    assert asked(f"{PREPARED}import httpx; print(httpx.URL('http://b\\xfccher.example').raw_host)") == (
        "b'xn--bcher-kva.example'"
    )


def test_what_is_there_already_stays() -> None:
    program = (
        f"import certifi; {PREPARED}import httpcore._ssl; print(httpcore._ssl.certifi is certifi, certifi.where())"
    )
    assert asked(program).startswith("True /")
