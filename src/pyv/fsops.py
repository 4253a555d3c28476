"""The file system: locks that the kernel releases, staging, and changes that are whole or absent.

The only module that imports filelock. Whatever is made here is made under another name and then renamed, so that a
process killed at any instant leaves the old state or the new one.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from filelock import BaseFileLock

# What flock answers on file systems that have none, or only pretend to (NFS, some FUSE and cluster file systems)
_NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EBADF, errno.EOPNOTSUPP, errno.EINVAL})
# What a file system answers to somebody who may not write there
NOT_WRITABLE = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_LOCK_POLL_SECONDS = 0.02
# Less the umask: who shares a store with a group shares its locks
_LOCK_MODE = 0o666
# The folder of which this process has said so; a command takes several locks, and one word is enough
_told: set[Path] = set()
# Shorter waits are not worth a word
_PATIENCE_SECONDS = 0.5
_RENAME_EXCHANGE = 2
_TRIES = 3
# What is in the name of a staging area and of no other folder
_MARK = ".pyv-"


def write_whole(path: Path, data: bytes, *, mode: int = 0o644, durable: bool = True) -> None:
    """Write a small file so that it is never seen half.

    Args:
        path: where; its folder is made if need be.
        data: the whole content.
        mode: permission bits, whatever the umask says.
        durable: whether it has to be there, whole, after a loss of power, which costs a wait for the disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{_unique()}")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            if durable:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    if durable:
        sync_folder(path.parent)


def replace_link(link: Path, target: str) -> None:
    """Make `link` a symbolic link to `target`, in one step, whatever link stood there before."""
    with suppress(OSError):
        if os.readlink(link) == target:
            return
    temporary = link.with_name(f".{link.name}.{_unique()}")
    os.symlink(target, temporary)
    try:
        os.replace(temporary, link)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def exchange(one: Path, other: Path) -> bool:
    """Swap two paths in one step, so that neither name is ever missing.

    Returns:
        False where the kernel or the file system cannot do that; nothing has then changed.
    """
    import ctypes

    _let_go(one, other)
    libc = ctypes.CDLL(None, use_errno=True)
    function = getattr(libc, "renameat2", None)  # Linux, glibc 2.28 and musl 1.2.? on; see renameat2(2)
    if function is None:
        function = getattr(libc, "renameatx_np", None)  # macOS, same arguments and the same number for a swap
    if function is None:
        return False
    at_cwd = -100 if hasattr(libc, "renameat2") else -2
    return bool(function(at_cwd, os.fsencode(one), at_cwd, os.fsencode(other), _RENAME_EXCHANGE) == 0)


def move(source: Path, target: Path) -> None:
    """Rename a folder, also one that its owner has protected: it has to know its new parent."""
    _let_go(source)
    os.rename(source, target)


def check_writable(path: Path) -> None:
    """Raise the system's OSError for a file that is there, and cannot be written."""
    with suppress(FileNotFoundError):
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))


def _let_go(*folders: Path) -> None:
    for folder in folders:
        with suppress(OSError):
            if stat.S_ISDIR(mode := os.lstat(folder).st_mode) and not mode & stat.S_IWUSR:
                os.chmod(folder, mode | stat.S_IWUSR)


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading, and nothing but a regular file: opening a FIFO would wait for ever.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "no regular file", os.fspath(path))
    return open(descriptor, "rb")


def sync_folder(folder: Path) -> None:
    """Make what was renamed into a folder survive a loss of power, where the file system allows it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_tree(path: Path) -> None:
    """Remove a folder with all that is in it, folders without write permission included; absent is fine."""
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
        return
    import shutil

    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        pass
    except PermissionError:
        # Read-only folders do not let go of their entries, not even for their owner
        for base, folders, _files in os.walk(path):
            for folder in (base, *(os.path.join(base, name) for name in folders)):
                if not os.path.islink(folder):
                    os.chmod(folder, stat.S_IRWXU)
        shutil.rmtree(path)


@contextmanager
def lock(path: Path, *, waiting: Callable[[], None], warn: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock between processes; the kernel releases it when its holder dies.

    Args:
        path: the lock file; its folder is made if need be. The file stays, for unlinking a held lock would let two in.
        waiting: called once when another process holds it and does not let go at once.
        warn: called with one line where the file system knows no locks, once in a process. The caller then goes on
            without: everything it does ends in a rename, so that nothing is half there even so.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _take_at_once(path)
    if descriptor < 0:
        descriptor = _take_when_free(path, waiting, warn)
    elif not _told and _is_shared(path):
        _tell(path, warn)
    try:
        yield
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _take_when_free(path: Path, waiting: Callable[[], None], warn: Callable[[str], None]) -> int:
    """Wait for a lock and return the descriptor that holds it; -1 where the file system knows no locks."""
    from filelock import Timeout

    guard = _file_lock(path)
    patience: float = _PATIENCE_SECONDS
    while True:
        try:
            # It only waits: whether the file is still the one of that name is looked at when the lock is taken
            guard.acquire(timeout=patience, poll_interval=_LOCK_POLL_SECONDS)
            guard.release()
        except Timeout:
            waiting()
            patience = -1
        except (OSError, NotImplementedError) as error:
            if isinstance(error, OSError) and error.errno not in _NO_LOCKS:
                raise
            _tell(path, warn)
            return -1
        descriptor = _take_at_once(path)
        if descriptor >= 0:
            return descriptor


def _tell(path: Path, warn: Callable[[str], None]) -> None:
    if not _told and warn is not _ignore:
        _told.add(path.parent)
        warn(f"{path.parent} is on a file system without locks: several pyv may repeat work, not break it")


def _is_shared(path: Path) -> bool:
    """Tell whether a lock that is held can be taken again: some file systems give it to everybody who asks."""
    second = _take_at_once(path)
    if second >= 0:
        os.close(second)
    return second >= 0


@contextmanager
def lock_first(paths: Iterable[Path], *, waiting: Callable[[], None], warn: Callable[[str], None]) -> Iterator[None]:
    """Hold the first of several locks that this user can have; none where all of them lie in places of others.

    Args:
        paths: the lock files, best first.
        waiting: see `lock`.
        warn: see `lock`.
    """
    with ExitStack() as stack:
        for path in paths:
            try:
                stack.enter_context(lock(path, waiting=waiting, warn=warn))
            except OSError as error:
                if error.errno not in NOT_WRITABLE:
                    raise
            else:
                break
        yield


def _take_at_once(path: Path) -> int:
    """Take a lock that nobody holds, and return the descriptor that holds it; -1 if that is not as simple as that.

    Most locks are free, and to import filelock takes longer than most of what is done under them. It waits for the same
    lock, flock(2) of the whole file, when somebody else has it.
    """
    import fcntl

    while True:
        descriptor = -1
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, _LOCK_MODE)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held it may have removed the file before letting go: then this one has no name any more
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        except FileNotFoundError:
            if descriptor < 0:
                return -1  # its folder is gone
        except OSError:
            if descriptor >= 0:
                os.close(descriptor)
            return -1
        os.close(descriptor)


@contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Hold a lock if nobody else does; yields whether it is held. Without working locks it is not."""
    descriptor = _take_at_once(path)
    if descriptor < 0:
        yield False
        return
    try:
        yield not _is_shared(path)  # else what is under it may be somebody's
    finally:
        os.close(descriptor)


def _file_lock(path: Path) -> BaseFileLock:
    from filelock import FileLock

    # It would give the file other permissions than the umask has, or than its owner
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, _LOCK_MODE))
    mode = stat.S_IMODE(os.stat(path).st_mode)
    # A soft lock is a file that a killed holder leaves behind, and everybody after it would wait for ever; releases
    # before 4 have no such fall-back, and no parameter that forbids it
    try:
        return FileLock(path, mode=mode, fallback_to_soft=False, thread_local=False)
    except TypeError:
        return FileLock(path, mode=mode, thread_local=False)


def _clear(path: Path) -> None:
    for _ in range(_TRIES):  # something that is about to end may still be making files there
        with suppress(OSError):
            remove_tree(path)
            return


@contextmanager
def staging(folder: Path, label: str, *, mode: int = 0o755) -> Iterator[Path]:
    """Make an empty private folder below `folder`, removed again on leaving, whatever happened.

    A lock file beside it, held as long as this process lives, tells `sweep` that it is in use. What cannot be removed
    is left to that: it says nothing of what was done there.

    Args:
        folder: where staging areas live; made if need be.
        label: what it is for, for somebody who finds it.
        mode: its permission bits.
    """
    folder.mkdir(parents=True, exist_ok=True)
    area = folder / f"{staged_as(label)}{_unique()}"
    guard = area.with_name(f"{area.name}.lock")
    with lock(guard, waiting=_nothing, warn=_ignore):
        try:
            area.mkdir(mode=mode)
            yield area
        finally:
            try:
                _clear(area)
            except KeyboardInterrupt:  # the first one; whoever insists gets out, and the next command sweeps
                _clear(area)
                raise
            finally:
                _clear(guard)


def staged_as(label: str) -> str:
    """Return how the names of the staging areas of a label begin."""
    return f"{label}{_MARK}"


def orphans(folder: Path, start: str = "") -> list[str]:
    """Return the names, all or with some start, of the staging areas of killed processes. Living ones lock theirs.

    What else lies in the folder is not pyv's to remove: it may be the `tmp` of a home, or /tmp itself.
    """
    try:
        names = {name for name in os.listdir(folder) if name.startswith(start) and _is_staged(name)}
    except OSError:
        return []
    found = []
    for name in sorted({each.removesuffix(".lock") for each in names}):
        guard = folder / f"{name}.lock"
        if guard.name not in names:
            found.append(name)
        elif not os.path.islink(guard):  # one that somebody planted; it would be made where it leads to
            with try_lock(guard) as dead:
                found += [name] * dead
    return found


def sweep(folder: Path, start: str = "", clean: Callable[[Path], None] = remove_tree) -> None:
    """Remove the staging areas of processes that were killed, see `orphans`; `clean` removes one of them."""
    for name in orphans(folder, start):
        with try_lock(folder / f"{name}.lock") as dead, suppress(OSError):
            if dead:
                clean(folder / name)
                os.unlink(folder / f"{name}.lock")


def _is_staged(name: str) -> bool:
    _label, mark, unique = name.removesuffix(".lock").rpartition(_MARK)
    return bool(mark) and len(unique) == len(_unique()) and set(unique) <= set("0123456789abcdef")


def _unique() -> str:
    return os.urandom(4).hex()


def _nothing() -> None:
    pass


def _ignore(_line: str) -> None:
    pass
