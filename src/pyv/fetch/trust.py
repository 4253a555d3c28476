"""Which certificates are trusted: those that the user names, else those of the system."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from pyv.fetch.failures import Failure

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping, Sequence

_BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_FOLDERS = "SSL_CERT_DIR"
# A standalone Python was built for no system in particular: its OpenSSL may look where this system has nothing
_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Gentoo, Alpine
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, RHEL
    "/etc/pki/tls/certs/ca-bundle.crt",  # older Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # Alpine, OpenBSD, FreeBSD
    "/usr/local/share/certs/ca-root-nss.crt",  # FreeBSD with the package
)


def make_context(env: Mapping[str, str], bundles: Sequence[str] | None = None) -> ssl.SSLContext:
    """Return the TLS settings for requests: host names and certificates are checked.

    Reading the system's bundle takes some 30 ms.

    Args:
        env: the environment: `SSL_CERT_FILE` or `REQUESTS_CA_BUNDLE` or `CURL_CA_BUNDLE`, the first of them that is
            set, and `SSL_CERT_DIR`, a list of folders prepared by OpenSSL's rehash, replace the system's certificates.
        bundles: where the system's certificates may be; by default, where OpenSSL and the usual systems have them.

    Raises:
        Failure: a variable names a file or folder that is not there or holds no certificates.
    """
    name = next((name for name in _BUNDLES if env.get(name)), "")
    bundle, folders = env.get(name, ""), env.get(_FOLDERS, "")
    if not bundle and not folders:
        return _system_context(bundles)
    context = _context()
    if bundle:
        _load(context, name, bundle)
    if folders:
        present = [folder for folder in folders.split(os.pathsep) if os.path.isdir(folder)]
        if not present:
            raise Failure(f"{_FOLDERS} names no folder: {folders}", hint=f"correct or unset {_FOLDERS}")
        for folder in present:
            _load(context, _FOLDERS, folder)
    return context


def _context() -> ssl.SSLContext:
    import ssl

    # Not create_default_context: since Python 3.13 it refuses the certificates of many companies' own authorities for
    # lack of an extension that every other tool does without
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # A bundle may hold the authority that signed and not the one above it
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _load(context: ssl.SSLContext, variable: str, path: str) -> None:
    try:
        if os.path.isdir(path):
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except OSError as error:  # ssl.SSLError is one
        reason = "does not exist" if isinstance(error, FileNotFoundError) else "holds no certificates that can be read"
        raise Failure(f"{variable} names {path}, which {reason}", hint=f"correct or unset {variable}") from None


def _system_context(bundles: Sequence[str] | None) -> ssl.SSLContext:
    import ssl

    if sys.platform == "darwin":
        import truststore  # the keychain, which OpenSSL cannot read

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = _context()
    if bundles is None:
        bundles = (ssl.get_default_verify_paths().openssl_cafile, *_SYSTEM_BUNDLES)
    for path in bundles:
        if os.path.isfile(path) and os.path.getsize(path):
            context.load_verify_locations(cafile=path)
            return context
    import certifi  # containers often lack the system's bundle

    context.load_verify_locations(cafile=certifi.where())
    return context
