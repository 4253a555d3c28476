"""Moving on to a newer patch, and back, with the environments that follow."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
from typing import TYPE_CHECKING

import pytest

from pyv import dependents, upgrade
from tests.support.command import everything_in, python_of, pyv, pyv_ended_at, says, start, store
from tests.support.environments import PYTHONS, create, every_python, make_store
from tests.test_commands import on_terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Offer
    from tests.support.server import Server

pytestmark = pytest.mark.usefixtures("mirror", "pip_at_hand")
VERSION = "import sys; print('.'.join(map(str, sys.version_info[:3])))"
COMPILED = sysconfig.get_config_var("EXT_SUFFIX")


@pytest.fixture
def project(tmp_path: Path, offered: Offer) -> Path:
    """Return the folder of a project whose environment follows the short name; its oldest patch is installed."""
    assert pyv("install", "-q", offered.oldest).status == 0
    folder = tmp_path / "project"
    folder.mkdir()
    make(folder / ".venv", offered.minor)
    return folder


def make(venv: Path, request: str) -> None:
    done = pyv("venv", "-q", "--without-pip", "-p", request, venv)
    assert done.status == 0, done.err


def link(offered: Offer) -> str:
    return os.readlink(store() / "versions" / offered.minor)


def site_of(venv: Path) -> Path:
    return next(venv.glob("lib/python3*/site-packages"))


def break_on(site: Path, *versions: str, how: str = "raise ImportError('no friend')", package: str = "thing") -> str:
    """Put what looks like a compiled module into an environment, fails on some versions, and return its name.

    It takes no compiler: on other versions its package has it imported already.
    """
    (site / package).mkdir()
    (site / package / f"_speedups{COMPILED}").write_bytes(b"\x7fELF PyInit__speedups")
    (site / package / "__init__.py").write_text(
        f"import os, sys\nif '.'.join(map(str, sys.version_info[:3])) in {versions!r}:\n    {how}\n"
        f"sys.modules['{package}._speedups'] = sys.modules['{package}']\n"
    )
    return f"{package}._speedups"


def test_environments_run_the_newest_patch_from_their_next_start(project: Path, offered: Offer) -> None:
    make(project / "exact", offered.oldest)
    running = subprocess.Popen(
        [project / ".venv/bin/python", "-c", f"input(); {VERSION}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    done = pyv("upgrade")
    assert done.status == 0, done.err
    assert f"{offered.minor} is {offered.newest} now; {offered.oldest} stays until: pyv prune" in done.err
    assert link(offered) == offered.newest
    assert says(project / ".venv/bin/python", VERSION) == offered.newest
    assert says(project / "exact/bin/python", VERSION) == offered.oldest
    assert pyv("which", "python3", cwd=project).lines == [f"{project}/.venv/bin/python3"]
    assert running.communicate("\n")[0].strip() == offered.oldest
    again = pyv("upgrade", offered.minor)
    assert (again.status, again.err) == (0, f"pyv: {offered.minor} is up to date: {offered.newest}\n")
    assert everything_in(store() / "tmp") == set()


def test_a_rollback_holds_until_the_next_upgrade(project: Path, offered: Offer) -> None:
    pyv("upgrade", "-q")
    done = pyv("upgrade", "--rollback", offered.minor)
    assert (done.status, link(offered)) == (0, offered.oldest), done.err
    assert done.err == f"pyv: {offered.minor} is {offered.oldest}, until the next: pyv upgrade {offered.minor}\n"
    assert says(project / ".venv/bin/python", VERSION) == offered.oldest
    # Nothing but an upgrade or a newer patch moves it forward again
    assert pyv("install", "-q", offered.middle).status == 0
    assert pyv("uninstall", "-q", "-y", offered.middle).status == 0
    assert pyv("link", "mine", store() / "versions" / offered.oldest).status == 0
    assert link(offered) == offered.oldest
    assert os.readlink(store() / "versions" / offered.minor.split(".")[0]) == offered.oldest
    assert pyv("outdated").lines == [f"{offered.minor}  {offered.oldest}  ->  {offered.newest}"]
    none = pyv("upgrade", "--rollback", offered.minor)
    assert (none.status, f"older than {offered.oldest} is installed" in none.err) == (3, True)
    assert pyv("upgrade", "-q", "--offline").status == 0
    assert link(offered) == offered.newest


def test_a_rollback_may_name_the_patch(project: Path, offered: Offer) -> None:
    pyv("install", "-q", offered.middle, offered.newest)
    assert pyv("upgrade", "-q", "--rollback", offered.oldest).status == 0
    assert says(project / ".venv/bin/python", VERSION) == offered.oldest
    assert pyv("upgrade", "-q", "--rollback", offered.middle).status == 0
    assert says(project / ".venv/bin/python", VERSION) == offered.middle
    assert pyv("upgrade", "--rollback", f"{offered.minor}.99").status == 3
    assert pyv("upgrade", "--rollback").status == 2


def test_a_newer_patch_that_is_asked_for_ends_a_rollback(project: Path, offered: Offer) -> None:
    pyv("install", "-q", offered.middle)
    pyv("upgrade", "-q", "--rollback", offered.minor)
    assert says(project / ".venv/bin/python", VERSION) == offered.oldest
    assert pyv("install", "-q", offered.minor).status == 0
    assert says(project / ".venv/bin/python", VERSION) == offered.newest


def test_an_environment_that_fails_on_the_new_patch_keeps_everything_where_it_is(project: Path, offered: Offer) -> None:
    module = break_on(site_of(project / ".venv"), offered.newest)
    done = pyv("upgrade", offered.minor)
    assert done.status == 1
    lines = done.err.splitlines()
    assert f"pyv: {project}/.venv on {offered.newest}: {module} fails: ImportError: no friend" in lines
    assert lines[-2:] == [
        f"pyv: 1 environment fails on {offered.newest}: {offered.minor} stays on {offered.oldest}",
        f"     to move on even so: pyv upgrade -y {offered.minor}",
    ]
    assert link(offered) == offered.oldest
    # It is installed all the same, and nothing that happens to other versions makes it the one in use
    assert pyv("prefix", offered.newest).status == 0
    assert pyv("install", "-q", offered.middle).status == 0
    assert link(offered) == offered.oldest
    assert says(project / ".venv/bin/python", VERSION) == offered.oldest
    assert not list(site_of(project / ".venv").rglob("*.pyc"))
    assert pyv("upgrade", "-q", "-y").status == 0
    assert link(offered) == offered.newest


@pytest.mark.parametrize(("answer", "moves"), [("n\n", False), ("y\n", True)])
def test_on_a_terminal_it_asks(project: Path, offered: Offer, answer: str, *, moves: bool) -> None:
    break_on(site_of(project / ".venv"), offered.newest)
    status, screen = on_terminal("upgrade", answer=answer, until="[y/N]")
    assert (status, link(offered)) == ((0, offered.newest) if moves else (1, offered.oldest)), screen


def test_what_fails_on_both_patches_is_not_the_upgrades_fault(project: Path, offered: Offer) -> None:
    break_on(site_of(project / ".venv"), offered.oldest, offered.newest)
    done = pyv("upgrade")
    assert (done.status, "fail" in done.err, link(offered)) == (0, False, offered.newest)


def test_a_module_that_ends_the_interpreter_is_named_and_the_rest_tried(project: Path, offered: Offer) -> None:
    site = site_of(project / ".venv")
    module = break_on(site, offered.newest, how="os.kill(os.getpid(), 11)")
    last = break_on(site, offered.newest, package="zother")
    # A library, an empty file and a module for another Python are no modules of this one
    (site / "thing/library.so").write_bytes(b"\x7fELF")
    (site / f"thing/empty{COMPILED}").touch()
    (site / "thing/later.cpython-399-x86_64-linux-gnu.so").write_bytes(b"PyInit_later")
    done = pyv("upgrade")
    said = [line for line in done.err.splitlines() if " fails: " in line]
    assert said == [
        f"pyv: {project}/.venv on {offered.newest}: {module} fails: it ends with signal 11",
        f"pyv: {project}/.venv on {offered.newest}: {last} fails: ImportError: no friend",
    ]


def test_real_pip_checks_the_environment(project: Path, offered: Offer) -> None:
    venv = project / "with-pip"
    done = pyv("venv", "-q", "--offline", "-p", offered.minor, venv)
    assert done.status == 0, done.err
    info = site_of(venv) / "thing-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n"
        f"Requires-Dist: absent; python_full_version == '{offered.newest}'\nRequires-Dist: gone\n"
    )
    done = pyv("upgrade")
    said = [line for line in done.err.splitlines() if f" on {offered.newest}: " in line and "pyv: /" in line]
    assert (done.status, said) == (
        1,
        [f"pyv: {venv} on {offered.newest}: thing 1.0 requires absent, which is not installed."],
    )


def test_a_module_that_leaves_without_a_word_is_named(project: Path, offered: Offer) -> None:
    module = break_on(site_of(project / ".venv"), offered.newest, how="os._exit(0)")
    assert f"{module} fails: it ends with exit status 0" in pyv("upgrade").err


def test_a_real_compiled_module_is_imported(project: Path, offered: Offer, tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    headers = store() / "versions" / offered.oldest / f"include/python{offered.minor}"
    if compiler is None or not (headers / "Python.h").exists():
        pytest.skip("there is no C compiler, or no headers of Python")
    (tmp_path / "picky.c").write_text(
        "#include <Python.h>\n"
        'static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "picky", NULL, -1, NULL};\n'
        "PyMODINIT_FUNC PyInit_picky(void) {\n"
        f'    if (PyLong_AsLong(PySequence_GetItem(PySys_GetObject("version_info"), 2)) == {offered.newest[-2:]})\n'
        '        return PyErr_Format(PyExc_ImportError, "too new");\n'
        "    return PyModule_Create(&definition);\n"
        "}\n"
    )
    target = site_of(project / ".venv") / f"picky{COMPILED}"
    command = [compiler, "-shared", "-fPIC", f"-I{headers}", str(tmp_path / "picky.c"), "-o", str(target)]
    if sys.platform == "darwin":
        command += ["-undefined", "dynamic_lookup"]
    subprocess.run(command, check=True)
    done = pyv("upgrade")
    assert (done.status, "picky fails: ImportError: too new" in done.err) == (1, True), done.err
    target.unlink()
    assert pyv("upgrade").status == 0


def test_what_pip_finds_wrong_on_the_new_patch_is_told(project: Path, offered: Offer) -> None:
    site = site_of(project / ".venv")
    (site / "pip").mkdir()
    (site / "pip/__init__.py").touch()
    (site / "pip/__main__.py").write_text(
        "import sys\n"
        "assert 'check' in sys.argv\n"
        f"late = '.'.join(map(str, sys.version_info[:3])) == {offered.newest!r}\n"
        "print('old trouble')\n"
        "print('new trouble') if late else None\n"
        "sys.exit(1)\n"
    )
    done = pyv("upgrade")
    assert (done.status, f".venv on {offered.newest}: new trouble" in done.err) == (1, True)
    assert "old trouble" not in done.err


@every_python
def test_every_python_can_be_tried_out_and_changes_nothing(tmp_path: Path, version: str) -> None:
    made = make_store(version)
    venv = create(made, tmp_path / "env")
    site = site_of(venv)
    (site / "thing.so").write_bytes(b"PyInit_thing")
    (site / "first.pth").write_text(
        "import sys; sys.modules['thing'] = None if 'trial' in sys.prefix and sys.prefix != sys.base_prefix else sys\n"
    )
    before = everything_in(venv)
    [environment] = dependents.environments(made.layout, [venv])
    assert environment.names == {".".join(version.split(".")[:2])}
    trial = upgrade.try_out(environment, PYTHONS[version], made.layout, os.environ)
    assert [problem.split(":")[0] for problem in trial.problems] == ["thing fails"]
    assert everything_in(venv) == before


def test_named_environments_are_tried_out_too(project: Path, offered: Offer) -> None:
    named = store() / "envs/web"
    make(named, offered.minor)
    (store() / "versions/web").symlink_to("../envs/web")
    module = break_on(site_of(named), offered.newest)
    done = pyv("upgrade")
    assert (done.status, f"{named} on {offered.newest}: {module} fails" in done.err) == (1, True)
    assert project.exists()


def test_a_strangers_environment_is_not_run(project: Path, offered: Offer) -> None:
    venv = project / ".venv"
    break_on(site_of(venv), offered.newest, offered.oldest, how=f"open({str(project / 'hit')!r}, 'w')")
    shutil.copy2(venv / "pyvenv.cfg", venv / "new")
    (venv / "new").replace(venv / "pyvenv.cfg")  # the same in every byte, and yet another
    done = pyv("upgrade")
    assert (done.status, f"{venv} is not tried out" in done.err) == (0, True)
    assert not (project / "hit").exists()


def test_a_base_that_was_installed_into_is_told_about_and_the_next_is_as_open(project: Path, offered: Offer) -> None:
    pyv("install", "-q", "--allow-pip", offered.oldest)
    site = next((store() / "versions" / offered.oldest).glob("lib/python3*/site-packages"))
    (site / "requests-2.32.0.dist-info").mkdir()
    (site / "pip-99.dist-info").mkdir()
    done = pyv("upgrade")
    assert f"{offered.oldest} has packages of its own, which {offered.newest} lacks: requests 2.32.0" in done.err
    assert "pip 99" not in done.err
    newest = store() / "versions" / offered.newest
    assert not list(newest.glob("lib/python3*/EXTERNALLY-MANAGED"))
    assert (site / "requests-2.32.0.dist-info").exists()
    assert project.exists()


@pytest.mark.parametrize("step", ["committed", "upgraded"])
def test_killed_before_the_link_moved_it_stays_where_it_was(project: Path, offered: Offer, step: str) -> None:
    assert pyv_ended_at(step, "SIGKILL", "upgrade").status == -signal.SIGKILL
    assert (link(offered), says(project / ".venv/bin/python", VERSION)) == (offered.oldest, offered.oldest)
    assert pyv("prefix", offered.newest).status == 0
    assert pyv("upgrade", "-q").status == 0
    assert link(offered) == offered.newest
    assert everything_in(store() / "tmp") == set()


def test_killed_after_the_link_moved_the_upgrade_is_done(project: Path, offered: Offer) -> None:
    assert pyv_ended_at("linked", "SIGKILL", "upgrade").status == -signal.SIGKILL
    assert says(project / ".venv/bin/python", VERSION) == offered.newest
    assert pyv_ended_at("linked", "SIGKILL", "upgrade", "--rollback", offered.minor).status == -signal.SIGKILL
    assert says(project / ".venv/bin/python", VERSION) == offered.oldest
    assert pyv("rehash").status == 0
    assert link(offered) == offered.oldest


def test_an_upgrade_that_finds_nothing_or_fails_holds_nothing(project: Path, offered: Offer) -> None:
    assert pyv("upgrade", "-q", PYV_MIRROR=str(project / "nothing")).status != 0
    assert link(offered) == offered.oldest
    pyv("install", "-q", offered.newest)
    assert link(offered) == offered.newest
    pyv("upgrade", "-q")
    assert (store() / "held").read_text() == ""


def test_the_short_name_means_something_at_every_moment(project: Path, offered: Offer) -> None:
    pyv("install", "-q", offered.middle)
    python = store() / "versions" / offered.minor / "bin/python3"
    missed = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            if not os.path.exists(python):
                missed.append(python)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for arguments in (
            ["--rollback", offered.minor],
            [offered.minor],
            ["--rollback", offered.middle],
            ["--rollback", offered.oldest],
        ):
            assert pyv("upgrade", "-q", *arguments).status == 0
    finally:
        done.set()
        watcher.join()
    assert missed == []
    assert project.exists()


def test_upgrades_at_the_same_time_end_alike(project: Path, offered: Offer) -> None:
    processes = [start("upgrade", "-q") for _ in range(3)]
    for process in processes:
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
    assert says(project / ".venv/bin/python", VERSION) == offered.newest
    assert (store() / "held").read_text() == ""


def test_a_shim_runs_the_new_patch_and_is_seen_to_have_changed(project: Path, offered: Offer) -> None:
    shim = store() / f"shims/python{offered.minor}"
    before = os.stat(shim).st_mtime_ns
    pyv("upgrade", "-q")
    assert os.stat(shim).st_mtime_ns != before
    assert says(shim, VERSION, PYV_VERSION=offered.minor) == offered.newest
    assert project.exists()


def test_what_is_not_installed_cannot_be_upgraded(offered: Offer) -> None:
    assert pyv("upgrade").status == 0
    assert not (store() / "versions").exists()
    for request in ("2.7", "web", "system"):
        done = pyv("upgrade", request)
        assert (done.status, f"{request} is no version that is installed" in done.err) == (3, True)
    assert offered.minor


def test_a_python_without_builds_stays_as_it_is(offered: Offer) -> None:
    pyv("install", "-q", offered.oldest)
    versions = store() / "versions"
    (versions / "2.7.18").symlink_to(versions / offered.oldest)
    (versions / "2.7").symlink_to("2.7.18")
    done = pyv("upgrade")
    assert (done.status, "2.7 stays on 2.7.18" in done.err) == (0, True), done.err
    assert link(offered) == offered.newest
    assert pyv("upgrade", "2.7").status == 3


def test_outdated_tells_which_minor_versions_are_behind(offered: Offer) -> None:
    assert (pyv("outdated").status, pyv("outdated").out) == (0, "")
    pyv("install", "-q", offered.middle)
    done = pyv("outdated")
    assert (done.status, done.out) == (1, f"{offered.minor}  {offered.middle}  ->  {offered.newest}\n")
    assert pyv("outdated", "--json", offered.minor).json == {
        "schema": 1,
        "outdated": [{"name": offered.minor, "installed": offered.middle, "available": offered.newest}],
    }
    assert pyv("outdated", "2.7").status == 3
    pyv("install", "-q", offered.newest)
    done = pyv("outdated")
    assert (done.status, done.out, done.err) == (0, "", "pyv: all versions are up to date\n")
    assert pyv("outdated", "--json").json == {"schema": 1, "outdated": []}


def test_outdated_needs_no_network_for_what_is_known(mirror: Server, offered: Offer) -> None:
    pyv("install", "-q", offered.middle)
    before = len(mirror.requests)
    assert pyv("outdated", "--offline").lines == [f"{offered.minor}  {offered.middle}  ->  {offered.newest}"]
    assert len(mirror.requests) == before


def test_the_trial_starts_the_environment_as_it_will_be(project: Path, offered: Offer) -> None:
    site = site_of(project / ".venv")
    break_on(
        site,
        offered.newest,
        how="raise ImportError([sys.prefix != sys.base_prefix, sys.flags.isolated, sys.pth])",
    )
    (site / "mine.pth").write_text("import sys; sys.pth = 'seen'\n")
    assert "ImportError: [True, 1, 'seen']" in pyv("upgrade", PYTHONPATH=str(project)).err
    assert python_of(offered.newest).exists()
    assert sys.prefix
