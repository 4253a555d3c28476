"""How this machine reaches a package index. Tests take the variables away, so they are read before."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

from tests.support.session import once

SETTINGS = {
    name: value
    for name, value in os.environ.items()
    if name.startswith("PIP_")
    or name.lower() in ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
    or name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
}
ACCOUNT = Path(pwd.getpwuid(os.getuid()).pw_dir)
_SECONDS = 300


def configuration() -> dict[str, str]:
    """Return what leads pip to the user's own configuration, which it looks for in HOME."""
    if "PIP_CONFIG_FILE" in SETTINGS:
        return {}
    files = [ACCOUNT / ".config/pip/pip.conf", ACCOUNT / ".pip/pip.conf"]
    return next(({"PIP_CONFIG_FILE": str(file)} for file in files if os.access(file, os.R_OK)), {})


def trouble(folder: Path) -> str:
    """Return why no package index can be reached; nothing if one can. Tried once in a session."""
    answer = folder / "index"
    with once(folder, "reached") as first:
        if first:
            patience = ("--retries", "1", "--timeout", "15")
            answer.write_text(pip("download", "--quiet", "--no-deps", *patience, "--dest", folder / "d", "iniconfig"))
    return answer.read_text()


def pip(*words: str | Path) -> str:
    """Run pip; returns its last line if it fails, else nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words],
        env={**os.environ, "HOME": str(ACCOUNT), **SETTINGS, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    return (done.stderr.strip().splitlines() or ["pip failed"])[-1] if done.returncode else ""
