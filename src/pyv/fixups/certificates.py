"""Certificates of authorities on systems that keep them elsewhere than upstream's Linux builds look for them.

Those builds are compiled for /etc/ssl: the bundle cert.pem there, or the folder certs with links that are named by
hashes. Debian, Alpine and newer releases of Fedora and RHEL have one of the two. RHEL 8 and older, openSUSE and NixOS
have neither, but a bundle elsewhere, and every https connection of the standard library fails on them. Upstream looks
in /etc/pki/tls, too, since March 2026; all builds before that do not.

A few lines at the end of `ssl` load the first such bundle where the build's own places have nothing, each time that a
context is to trust what the system trusts. Whoever sets SSL_CERT_FILE or SSL_CERT_DIR decides alone. No variable is
set, so that programs which are started see no difference, and environments have the lines with their interpreter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyv.fixups.tree import Tree

_LINES = b'''

# Added by pyv: where the places that this build looks for certificates at have none, those of the system's own bundle
# are trusted. RHEL, openSUSE and NixOS keep it in one of these files.
_SYSTEM_BUNDLES = (
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/var/lib/ca-certificates/ca-bundle.pem",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/certs/ca-bundle.crt",
)


def _find_system_bundle():
    file_variable, file, folder_variable, folder = _ssl.get_default_verify_paths()
    if file_variable in os.environ or folder_variable in os.environ or os.path.isfile(file):
        return None
    try:
        # OpenSSL reads only those that are called by the hash of a name, such as 5ed36f99.0
        if any(name[-2:-1] == "." and len(name) == 10 for name in os.listdir(folder)):
            return None
    except OSError:
        pass
    return next(filter(os.path.isfile, _SYSTEM_BUNDLES), None)


def _set_default_verify_paths(self):
    _SSLContext.set_default_verify_paths(self)
    bundle = _find_system_bundle()
    if bundle:
        try:
            self.load_verify_locations(bundle)
        except OSError:
            pass


def _with_system_bundle(get_paths):
    def get_default_verify_paths():
        """Return paths to default cafile and capath.
        """
        found = get_paths()
        return found._replace(cafile=found.cafile or _find_system_bundle())

    return get_default_verify_paths


SSLContext.set_default_verify_paths = _set_default_verify_paths
get_default_verify_paths = _with_system_bundle(get_default_verify_paths)
'''


def find_certificates(tree: Tree) -> None:
    """Let a build for Linux find the certificates of systems that keep them outside of /etc/ssl."""
    for folder in tree.folders("lib", r"python3\.\d+[a-z]*"):
        for name in tree.files(folder, r"ssl\.py"):
            before = tree.read(name)
            if _LINES not in before:
                tree.write(name, before + _LINES)
