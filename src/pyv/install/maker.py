"""From an archive to a version in the store: fetched, unpacked, relocated, tried out, described, and then visible."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import threading
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Generic, TypeVar

from pyv import __version__, disk, fixups, fsops, manifest, proc, smoke
from pyv.ended import Ended
from pyv.errors import VerificationError
from pyv.fetch import MissingError, redact
from pyv.install.model import Job, Outcome
from pyv.layout import MANIFEST, RECEIPT
from pyv.unpack import Unpacker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pyv.cache import ArchiveCache
    from pyv.catalogue import Build
    from pyv.fetch import Fetcher
    from pyv.index import Index
    from pyv.platforms import Host
    from pyv.store import Store
    from pyv.versions import Version

_LOOK_SECONDS = 0.02
_COMPILE_SECONDS, _COMPILE_BYTES = 600, 16 << 20
# The longest path that a socket of multiprocessing can be in: 107, see unix(7), less the names that it adds
_SOCKET_BYTES = 70
_TOOL_SECONDS = 60
_CHUNK = 1 << 18
# All that an interpreter gets of the user's environment while it is tried out
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
# What is needed once everything is unpacked. On a line there is time for it while the bytes come.
_LATER = (
    "pyv.archive",
    "isal.isal_zlib",
    "subprocess",
    "ctypes",
    "pyv.fixups.certificates",
    "pyv.fixups.commands",
    "pyv.fixups.metadata",
    "pyv.fixups.terminal",
)
_Result = TypeVar("_Result")


class Maker:
    """Makes versions out of archives.

    Args:
        store: where to.
        index: says where builds can be had.
        cache: the archives that were downloaded before.
        host: what runs here.
        fetcher: makes what downloads, when something has to be.
        env: the user's environment; interpreters that are tried out get a few variables of it.
        checkpoint: called with the name of each step that was just completed; tests end the process there.
    """

    def __init__(
        self,
        *,
        store: Store,
        index: Index,
        cache: ArchiveCache,
        host: Host,
        fetcher: Callable[[], Fetcher],
        env: Mapping[str, str],
        checkpoint: Callable[[str], None],
    ) -> None:
        self._store = store
        self._layout = store.layout
        self._index = index
        self._cache = cache
        self._host = host
        self._fetcher = fetcher
        self._env = {key: env[key] for key in _PASSED_ON if key in env}
        self._checkpoint = checkpoint
        self._crowded: Sequence[Build] = ()

    def prepare(self, builds: Sequence[Build]) -> Callable[[], None]:
        """Import what it takes to make these builds, and close what is open: this process is to be copied.

        Returns:
            What has to be called when the first copy was made, before the others are: that one may have a worker, and
            begin while the import of httpx, for the others, takes its time.
        """
        self._crowded = builds[:-1]  # no processor is idle while they are tried out; the last one may be alone by then
        import_later()
        if all(self._cache.holds(build.sha256) for build in builds):
            return lambda: None
        fetcher = self._fetcher()
        if fetcher.remote:
            return fetcher.prepare
        fetcher.prepare()
        fetcher.close()
        return lambda: None

    def make(self, job: Job) -> Outcome:
        """Make a version out of an archive and put it into the store. The caller holds the lock of that version.

        Raises:
            NetworkError: the archive could not be had.
            VerificationError: it is not what it should be.
            StoreError: a file of somebody's stands in its place.
            OSError: it could not be written.
        """
        try:
            return self._make(job)
        except VerificationError as error:
            if job.file is None and not isinstance(error, smoke.NotStartedError):  # which tells nothing of the archive
                self._cache.forget(job.sha256)
            error.hint = error.hint or "nothing was installed; ask whoever made the archive or keeps the mirror"
            raise
        except MissingError as error:
            error.hint = error.hint or "see: pyv list; a mirror without download-metadata.json may lack what it shows"
            raise

    def _make(self, job: Job) -> Outcome:
        smoke.sweep(self._layout.staging)
        label = job.build.version.name if job.build else "archive"
        if job.build:  # else it is not known before its interpreter is asked
            self._store.check_place(label)
        with fsops.staging(self._layout.staging, label) as area, ExitStack() as ends:
            self._checkpoint("staged")
            tree = area / "tree"
            unpacker = Unpacker(job.asset, tree, _prefix(job))
            written = ends.enter_context(disk.WriteBack(area.parent, lambda: unpacker.taken))
            try:
                self._feed(unpacker, job, area)
                self._checkpoint("downloaded")
                job.watcher.phase("unpacking")
                entries = unpacker.finish()
            finally:
                unpacker.abort()
            self._checkpoint("unpacked")
            own = RECEIPT.partition("/")[0]
            if any(each.path.partition("/")[0] == own for each in entries):
                raise VerificationError(
                    f"{job.asset} brings a {own} of its own, which is pyv's to write",
                    hint="nothing was installed; ask whoever made the archive",
                )
            contents = {
                each.path: manifest.Entry(each.kind, each.mode, each.size, each.mtime_ns, each.sha256)
                if each.kind == "file"
                else manifest.Entry(each.kind, each.mode, 0, 0, each.target)
                for each in entries
            }
            _date(tree, contents)
            job.watcher.phase("checking")
            version = self._version(job, tree, area)
            # A link whose target is gone is replaced, as if nothing were there
            existed = self._store.get(version.name) is not None
            if existed and not job.options.force:
                return Outcome(version.name, self._layout.version(version), "already")
            self._finish(tree, version, contents, job, written)
            self._store.commit(tree, version.name)
            self._checkpoint("committed")
        if not job.options.keep_links:
            self._store.update_links(installed=version.name)
            self._checkpoint("linked")
        return Outcome(version.name, self._layout.version(version), "replaced" if existed else "installed")

    def _version(self, job: Job, tree: Path, area: Path) -> Version:
        """Return which version this is to be; what its build does not tell, its interpreter is asked for."""
        version = job.build.version if job.build else None
        if version and version.release:
            return version
        reported = smoke.ask(tree, self._env, area / smoke.BYTECODE, name=job.asset).version
        # GraalPy's archives need not name the version of the language
        return version._replace(release=reported.release) if version else reported

    def _feed(self, unpacker: Unpacker, job: Job, area: Path) -> None:
        """Send an archive's bytes through the unpacker, and return once they are known to be the right ones."""
        if job.file is None:
            job.watcher.phase("downloading")
            urls = self._index.urls(job.build) if job.build else [job.url]
            progress = _Prepared(job.watcher.progress)
            self._cache.obtain(urls, job.sha256, self._fetcher, unpacker, scratch=area, progress=progress)
            return
        self._read(job, unpacker.write)

    def check(self, job: Job) -> None:
        """Read an archive that lies here, and compare its hash.

        Raises:
            VerificationError: it is another one.
            OSError: it could not be read.
        """
        self._read(job, lambda _data: None)

    @staticmethod
    def _read(job: Job, use: Callable[[bytes], None]) -> None:
        digest = hashlib.sha256()
        with open(job.file or "", "rb", buffering=0) as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                use(chunk)
        if digest.hexdigest() != job.sha256:
            raise VerificationError(
                f"{job.file} has the sha256 {digest.hexdigest()}, not {job.sha256}",
                hint="get it once more",
            )

    def _finish(
        self, tree: Path, version: Version, contents: manifest.Manifest, job: Job, written: disk.WriteBack
    ) -> None:
        """Make a tree ready for its place: relocated, tried out, described, and safely on disk."""
        bytecode = tree.with_name(smoke.BYTECODE)
        if job.build not in self._crowded:
            bytecode.mkdir()
        final = self._layout.version(version)
        kind = {"implementation": version.implementation, "system": self._host.platform.system}
        start = fixups.for_starting(
            tree,
            final,
            **kind,
            find_program=lambda program: proc.find_program(program, self._env.get("PATH", "")),
            run=lambda args: proc.run(args, env=self._env, timeout=_TOOL_SECONDS).returncode,
        )
        # The interpreter is tried out while that is done which no start depends on
        with _Background(lambda: smoke.ask(tree, self._env, bytecode, name=job.asset)) as trial:
            build = fixups.for_building(tree, final, **kind, allow_pip=job.options.allow_pip)
            self._checkpoint("fixed")
            manifest.refresh(contents, tree, start.changed | build.changed)
            if job.options.compile_bytecode:
                self._compile(tree, final)
                contents = manifest.snapshot(tree)
            write_description(tree, _receipt(version, self._host, job), contents, durable=False)
            self._checkpoint("described")
            written.finish()
            reported = trial.result()
        if not reported.agrees(version):
            raise VerificationError(
                f"{redact(job.url)} should hold {version}, but its python says that it is {reported.version}"
            )
        self._checkpoint("tried")

    def _compile(self, tree: Path, final: Path) -> None:
        """Write bytecode for the standard library, which names the source files as they will be called."""
        library = _library(tree)
        # Its exit status says nothing: the library carries files that are wrong on purpose, for its own tests
        area = tree.parent
        places: list[str | Path] = ["-d", final / library, tree / library]
        words = [smoke.executable(tree), "-I", *smoke.mark(area), "-m", "compileall", "-q", "-j", "0", *places]
        # It starts others, which must not outlive an interrupt, and makes a socket for them, where nothing may be left
        env = {**self._env, "TMPDIR": os.fspath(area)} if len(os.fsencode(area)) < _SOCKET_BYTES else self._env
        proc.contain(words, env=env, timeout=_COMPILE_SECONDS, most=_COMPILE_BYTES)


def import_later() -> None:
    """Import what is not needed before there is something to unpack."""
    for name in _LATER:
        with suppress(Exception):  # what cannot be imported is missed by what needs it
            importlib.import_module(name)


class _Prepared:
    """Passes on how a download gets on. With its first bytes, what comes after it begins to be imported."""

    def __init__(self, progress: Callable[[int, int | None], None]) -> None:
        self._progress = progress
        self._begun = False

    def __call__(self, received: int, total: int | None) -> None:
        if not self._begun:
            self._begun = True
            threading.Thread(target=import_later, name="import", daemon=True).start()
        self._progress(received, total)


class _Background(Generic[_Result]):
    """A function that runs on a thread of its own while the body of a `with` statement does something else."""

    def __init__(self, function: Callable[[], _Result]) -> None:
        self._function = function
        self._results: list[_Result] = []
        self._error: BaseException | None = None
        self._ended = Ended()

    def __enter__(self) -> _Background[_Result]:
        threading.Thread(target=self._run, name="background", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        if kind is not None and not issubclass(kind, Exception):
            # Who interrupts does not wait for an interpreter that takes its time, or has yet to be started
            while not self._ended.wait(_LOOK_SECONDS):
                proc.kill_running()
        self._ended.wait()  # nothing may still work in a folder that is about to be renamed or removed

    def _run(self) -> None:
        try:
            self._results.append(self._function())
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the thread that asks for the result
            self._error = error
        finally:
            self._ended.set()

    def result(self) -> _Result:
        """Wait for the function's result, and return or raise it."""
        self._ended.wait()
        if self._error is not None:
            raise self._error
        return self._results[0]


def write_description(
    version: Path, receipt: Mapping[str, object], contents: manifest.Manifest, *, durable: bool = True
) -> None:
    """Write receipt and manifest into a version's folder.

    Args:
        version: the folder.
        receipt: what the version is, and where it came from.
        contents: its manifest.
        durable: whether to wait for the disk; not needed where the whole file system is synced afterwards.
    """
    own = (version / RECEIPT).parent
    own.mkdir(exist_ok=True)
    own.chmod(0o755)  # for the readers of a shared store, whatever the umask says
    fsops.write_whole(version / MANIFEST, manifest.dump(contents), durable=durable)
    fsops.write_whole(version / RECEIPT, json.dumps(receipt, indent=1).encode() + b"\n", durable=durable)


def _receipt(version: Version, host: Host, job: Job) -> dict[str, object]:
    return {
        "schema": 1,
        "name": version.name,
        "implementation": version.implementation,
        "python": ".".join(map(str, version.release)),
        "variant": version.variant,
        "platform": (job.build.platform if job.build else host.platform).key,
        "build": job.build.build if job.build else "",
        "url": redact(job.url),
        "sha256": job.sha256,
        "installed": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "pyv": __version__,
        "externally_managed": not job.options.allow_pip,
    }


def _date(tree: Path, contents: manifest.Manifest) -> None:
    """Give the interpreter the time of its installation.

    In archives one time stands for all files, and often the same for all patches. But virtualenv remembers what it was
    told by the interpreter of a path, such as that of a short name, until the time of the file changes.
    """
    program = os.path.realpath(smoke.executable(tree))
    name = os.path.relpath(program, os.path.realpath(tree))
    if name in contents:
        os.utime(program)
        contents[name] = contents[name]._replace(mtime_ns=os.stat(program).st_mtime_ns)


def _prefix(job: Job) -> str:
    """Return what of an archive becomes the version's folder, by the shapes that the three projects give theirs."""
    implementation = job.build.version.implementation if job.build else "cpython"
    if implementation != "cpython":
        return f"{implementation}*"
    # Upstream's full archives carry the build beside the installation; only those are tar.zst
    return "python/install" if job.asset.endswith(".tar.zst") else "python"


def _library(tree: Path) -> str:
    """Return the folder of the standard library, relative to an interpreter's folder."""
    for folder in sorted(tree.glob("lib/*/os.py")):
        return os.fspath(folder.parent.relative_to(tree))
    raise VerificationError("the archive holds no standard library")
