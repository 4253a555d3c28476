"""What surrounds pyv: variables that change every Python, the age of the catalogue, certificates."""

from __future__ import annotations

import os
from datetime import date
from typing import TYPE_CHECKING

from pyv import proc
from pyv.doctor.model import HINT, PROBLEM, Finding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SECONDS = 20
_DAY = 86400.0
# Upstream publishes every few weeks; after three months security releases are missing
_OLD_DAYS = 90
_VARIABLES = (
    ("PYTHONHOME", PROBLEM, "makes every Python look for its library elsewhere"),
    ("PYTHONPATH", HINT, "puts modules before those of every Python and every environment"),
    ("PYTHONEXECUTABLE", PROBLEM, "makes every Python take itself for another"),
    ("PIP_REQUIRE_VIRTUALENV", HINT, "makes pip refuse to work outside of environments"),
    ("PIP_USER", HINT, "makes pip install into your home folder, and fail in environments"),
    ("PIP_TARGET", HINT, "makes pip install into one folder, whichever Python it belongs to"),
    ("PIP_PREFIX", HINT, "makes pip install into one folder, whichever Python it belongs to"),
    ("PYV_VERSION", HINT, "goes before every .python-version and every environment"),
)
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
# Prints `found` if a place that it looks for certificates at has any
_QUESTION = """
import os, re, ssl
paths = ssl.get_default_verify_paths()
names = os.listdir(paths.capath) if paths.capath and os.path.isdir(paths.capath) else []
# OpenSSL reads only those that are called by the hash of a name
hashed = any(re.match(r"[0-9a-f]{8}[.][0-9]", name) for name in names)
print("found" if hashed or paths.cafile else "nothing", paths.openssl_cafile)
"""


def variables(env: Mapping[str, str]) -> list[Finding]:
    """Check for variables that surprise people."""
    found = [
        Finding("variable", level, f"{name} is set, which {what}", f"unset {name}")
        for name, level, what in _VARIABLES
        if env.get(name)
    ]
    active = env.get("VIRTUAL_ENV", "")
    if active and not os.path.isdir(active):
        message = f"VIRTUAL_ENV names {active}, which is no folder"
        found.append(Finding("variable", HINT, message, "unset VIRTUAL_ENV"))
    return found


def catalogue(newest: str, refreshed: float | None, now: float, *, mirror: bool) -> list[Finding]:
    """Check the age of the catalogue.

    Args:
        newest: the date of the newest build, as `20261110`.
        refreshed: when it was last refreshed, in seconds since the epoch; None if never.
        now: seconds since the epoch.
        mirror: whether it is a mirror's own, which may be old on purpose.
    """
    if mirror:
        return []
    newest_build = _days(newest)
    last = max((now - refreshed) / _DAY if refreshed is not None else 0.0, 0.0)
    age = now / _DAY - newest_build if newest_build is not None else None
    if age is None or age < _OLD_DAYS or (refreshed is not None and last < _OLD_DAYS):
        return []
    message = f"the newest build that the catalogue knows is {age:.0f} days old"
    return [Finding("catalogue", HINT, message, "pyv index update")]


def _days(build: str) -> float | None:
    """Return the days from the epoch to a build's date; None if it is none."""
    try:
        return float(date(int(build[:4]), int(build[4:6]), int(build[6:8])).toordinal() - date(1970, 1, 1).toordinal())
    except ValueError:
        return None


def certificates(name: str, python: Path, env: Mapping[str, str]) -> list[Finding]:
    """Check that a Python finds certificates, by asking it.

    Args:
        name: of the version, for the message.
        python: its interpreter.
        env: the environment.
    """
    kept = {key: env[key] for key in ("PATH", "HOME", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR") if key in env}
    answer = proc.run([python, "-I", "-B", "-c", _QUESTION], env=kept, timeout=_SECONDS)
    if not answer.stdout.startswith("nothing"):
        return []  # it finds some; or it does not work, which others tell better
    bundle = next((path for path in _BUNDLES if os.path.isfile(path)), "")
    place = answer.stdout.split(maxsplit=1)[-1].strip()
    message = f"{name} finds no certificates at {place}: https will fail"
    command = f"export SSL_CERT_FILE={bundle}" if bundle else "install the system's package ca-certificates"
    return [Finding("certificates", HINT, message, command)]
