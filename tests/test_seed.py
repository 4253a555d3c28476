"""The seed in the cache: which pip it is, when the index is asked, and what becomes of damage and failure."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pyv.errors import NetworkError, NotFoundError, StoreError
from tests.support.seeds import DAY, INTERPRETER, NOW, PYTHON, Nursery, bundled, interpreter, offer, sha256, small_wheel
from tests.support.server import Fault, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WHEEL = "/wheels/pip-99.0-py3-none-any.whl"
OWN = "20.10"
NEWER = "/wheels/pip-99.1-py3-none-any.whl"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "index"
    offer(folder, small_wheel(folder / "wheels", "99.0"))
    with Server(folder) as server:
        # The server serves files; an index answers for folders
        server.always("/pip/", Fault(redirect="/pip/index.html"))
        yield server


@pytest.fixture
def brings_along(tmp_path: Path) -> Path:
    """Return an interpreter with a small wheel of its own."""
    return interpreter(tmp_path, small_wheel(tmp_path / "own", "20.9"), small_wheel(tmp_path / "own", OWN))


@pytest.fixture
def make(brings_along: Path) -> Iterator[Callable[..., Nursery]]:
    with ExitStack() as stack:

        def plant(folder: Path, index: str | None, **options: Any) -> Nursery:  # noqa: ANN401 - as Nursery takes them
            nursery = Nursery(folder, index, **options)
            nursery.interpreter = brings_along
            stack.callback(nursery.close)
            return nursery

        yield plant


@pytest.fixture
def nursery(tmp_path: Path, index: Server, make: Callable[..., Nursery]) -> Nursery:
    return make(tmp_path, index.url())


def offer_newer(index: Server) -> None:
    folder = index.folder
    offer(folder, small_wheel(folder / "wheels", "99.0"), small_wheel(folder / "wheels", "99.1"))


def files_below(folder: Path) -> dict[str, Path]:
    return {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}


def test_the_newest_pip_is_unpacked_with_bytecode_that_this_python_takes(nursery: Nursery) -> None:
    pip = nursery.prepare()
    assert (pip.version, nursery.notes) == ("99.0", [])
    tag = sys.implementation.cache_tag
    assert f"pip/sub/__pycache__/main.{tag}.pyc" in files_below(pip.root)
    program = f"import sys; sys.path.insert(0, {str(pip.root)!r}); import pip; print(pip.__spec__.cached)"
    cached = Path(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout[:-1]
    )
    before = cached.stat().st_ino
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert cached.stat().st_ino == before, "the bytecode was stale, and written anew"


def test_no_file_of_the_seed_can_be_written_in_place(nursery: Nursery) -> None:
    pip = nursery.prepare()
    assert {stat.S_IMODE(path.stat().st_mode) for path in files_below(pip.root).values()} == {0o444}


def test_within_a_day_the_index_is_not_asked_again(nursery: Nursery, index: Server) -> None:
    nursery.version()
    asked = len(index.requests)
    offer_newer(index)
    nursery.now += DAY - 1
    assert (nursery.version(), len(index.requests)) == ("99.0", asked)


def test_after_a_day_a_newer_pip_takes_the_place_of_the_old_one(nursery: Nursery, index: Server) -> None:
    nursery.version()
    offer_newer(index)
    nursery.now += DAY + 1
    assert nursery.version() == "99.1"
    assert [path.name[:8] for path in nursery.folder.iterdir() if path.is_dir()] == ["pip-99.1"]


def test_after_a_day_without_a_newer_pip_nothing_is_downloaded(nursery: Nursery, index: Server) -> None:
    nursery.version()
    nursery.now += DAY + 1
    assert (nursery.version(), nursery.version()) == ("99.0", "99.0")
    assert (index.count("/pip/"), index.count(WHEEL)) == (2, 1)


def test_a_clock_that_went_back_does_not_stop_the_asking(nursery: Nursery, index: Server) -> None:
    nursery.version()
    nursery.now -= 10 * DAY
    nursery.version()
    assert index.count("/pip/") == 2


@pytest.mark.parametrize(
    "fault",
    [Fault(status=503), Fault(body=b"{}"), Fault(reset=0), Fault(silent=True)],
    ids=["503", "junk", "cut", "mute"],
)
def test_an_index_that_fails_later_leaves_what_is_there_in_use_and_is_left_alone_for_an_hour(
    nursery: Nursery, index: Server, fault: Fault
) -> None:
    nursery.version()
    nursery.now += DAY + 1
    index.always("/pip/", fault)
    assert nursery.version() == "99.0"
    asked = len(index.requests)
    nursery.now += 3500
    assert (nursery.version(), len(index.requests)) == ("99.0", asked)
    nursery.now += 200
    nursery.version()
    assert len(index.requests) > asked


def test_a_newer_wheel_with_a_wrong_hash_is_refused_aloud_and_the_old_one_stays(
    nursery: Nursery, index: Server
) -> None:
    nursery.version()
    offer_newer(index)
    index.always(NEWER, Fault(wrong=True))
    nursery.now += DAY + 1
    assert nursery.version() == "99.0"
    assert ["sha256" in note for note in nursery.notes] == [True]


def test_offline_nothing_is_asked_and_the_interpreters_own_pip_is_taken(
    tmp_path: Path, index: Server, make: Callable[..., Nursery]
) -> None:
    assert make(tmp_path, index.url(), offline=True).version() == OWN
    assert index.requests == []
    # And once there is a network, nobody waits a day for the newest one
    assert make(tmp_path, index.url()).version() == "99.0"


def test_offline_the_real_wheel_of_ensurepip_is_found(tmp_path: Path, make: Callable[..., Nursery]) -> None:
    nursery = make(tmp_path, "", offline=True)
    nursery.interpreter = INTERPRETER
    assert nursery.version() == bundled().name.split("-")[1]


def test_a_user_who_wants_no_index_gets_the_interpreters_own_pip(tmp_path: Path, make: Callable[..., Nursery]) -> None:
    nursery = make(tmp_path, None, PIP_NO_INDEX="1")
    assert (nursery.version(), nursery.notes) == (OWN, [])


def test_offline_a_seed_of_any_age_is_used(
    tmp_path: Path, nursery: Nursery, index: Server, make: Callable[..., Nursery]
) -> None:
    nursery.version()
    asked = len(index.requests)
    later = make(tmp_path, index.url(), offline=True)
    later.now += 100 * DAY
    assert (later.version(), len(index.requests), later.notes) == ("99.0", asked, [])


@pytest.mark.parametrize("path", ["/pip/", WHEEL])
def test_without_a_usable_index_the_interpreters_own_pip_is_taken_and_the_reason_told(
    nursery: Nursery, index: Server, path: str
) -> None:
    index.always(path, Fault(status=404))
    assert nursery.version() == OWN
    assert ["not found" in note and OWN in note for note in nursery.notes] == [True]


def test_a_wheel_with_a_wrong_hash_is_never_used(nursery: Nursery, index: Server) -> None:
    index.always(WHEEL, Fault(wrong=True))
    assert nursery.version() == OWN
    assert "sha256" in nursery.notes[0]


@pytest.mark.parametrize("member", ["../out.py", "/out.py", "pip/../../out.py", "pip/a\\b.py"])
def test_a_wheel_that_reaches_out_of_its_folder_is_refused(nursery: Nursery, index: Server, member: str) -> None:
    offer(index.folder, small_wheel(index.folder / "wheels", "99.0", extra={member: "x = 1\n"}))
    assert nursery.version() == OWN
    assert "is refused" in nursery.notes[0]
    assert not list(nursery.layout.cache.rglob("out.py"))


@pytest.mark.parametrize(
    ("member", "text"),
    [
        ("pip-99.0.data/scripts/pip", "#!python\n"),
        ("pip-99.0.dist-info/WHEEL", "Wheel-Version: 2.0\nRoot-Is-Purelib: true\n"),
        ("pip-99.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: false\n"),
        ("pip-99.0.dist-info/entry_points.txt", "[console_scripts]\n../pip = pip:run\n"),
        ("pip-99.0.dist-info/entry_points.txt", "[console_scripts]\npip = os; evil:run\n"),
    ],
)
def test_a_wheel_that_needs_more_than_copying_is_refused(
    nursery: Nursery, index: Server, member: str, text: str
) -> None:
    offer(index.folder, small_wheel(index.folder / "wheels", "99.0", extra={member: text}))
    assert nursery.version() == OWN
    assert "99.0" in nursery.notes[0]


def test_without_index_and_bundled_wheel_the_error_is_that_of_the_index(
    tmp_path: Path, index: Server, make: Callable[..., Nursery]
) -> None:
    index.always("/pip/", Fault(status=503))
    bare = interpreter(tmp_path / "index")
    with pytest.raises(NetworkError, match="503"):
        make(tmp_path, index.url()).seed.prepare(PYTHON, bare)
    with pytest.raises(NotFoundError, match="brings none along"):
        make(tmp_path, index.url(), offline=True).seed.prepare(PYTHON, bare)


def test_an_interpreter_that_does_not_work_is_named(tmp_path: Path, nursery: Nursery) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no libpython >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(StoreError, match=r"python does not work: no libpython"):
        nursery.seed.prepare(PYTHON, broken)
    assert nursery.version() == "99.0"


def test_an_edit_in_place_is_found_and_the_seed_made_anew_without_the_network(nursery: Nursery, index: Server) -> None:
    pip = nursery.prepare()
    asked = len(index.requests)
    module = pip.root / "pip/__init__.py"
    module.chmod(0o644)
    with module.open("a") as file:
        file.write("import evil\n")
    again = nursery.prepare()
    assert again.root != pip.root
    assert not pip.root.exists()
    assert "evil" not in (again.root / "pip/__init__.py").read_text()
    assert ["made anew" in note for note in nursery.notes] == [True]
    assert len(index.requests) == asked


@pytest.mark.parametrize("harm", ["touch", "remove", "replace", "record"])
def test_a_damaged_seed_is_made_anew(nursery: Nursery, harm: str) -> None:
    pip = nursery.prepare()
    module = pip.root / "pip/sub/main.py"
    if harm == "touch":
        os.utime(module)
    elif harm == "remove":
        module.unlink()
    elif harm == "replace":
        module.unlink()
        module.symlink_to("__init__.py")
    else:
        (nursery.folder / "pip.json").write_text("{")
    again = nursery.prepare()
    assert again.root != pip.root
    assert again.is_intact()


def test_a_changed_mode_is_put_right_in_place(nursery: Nursery) -> None:
    pip = nursery.prepare()
    module = pip.root / "pip/sub/main.py"
    module.chmod(0o666)
    assert nursery.prepare() == pip
    assert stat.S_IMODE(module.stat().st_mode) == 0o444


def test_a_damaged_cached_wheel_is_fetched_again(nursery: Nursery, index: Server) -> None:
    pip = nursery.prepare()
    (nursery.layout.archives / pip.sha256).write_bytes(b"rubbish")
    (pip.root / "pip/__init__.py").unlink()
    assert nursery.version() == "99.0"
    assert index.count(WHEEL) == 2


def test_a_cache_that_is_deleted_is_made_again(nursery: Nursery) -> None:
    nursery.version()
    shutil.rmtree(nursery.layout.cache)
    assert nursery.version() == "99.0"


def test_a_cache_that_cannot_be_made_costs_only_the_caching(
    tmp_path: Path, index: Server, make: Callable[..., Nursery]
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "temporary").mkdir()
    nursery = make(tmp_path / "file", index.url(), TMPDIR=str(tmp_path / "temporary"))
    with nursery.seed:
        pip = nursery.prepare()
        assert pip.is_intact()
        assert any("cannot be used" in note for note in nursery.notes)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_pythons_have_seeds_of_their_own_and_share_one_download(nursery: Nursery, index: Server) -> None:
    (one,) = nursery.seed.prepare(PYTHON, INTERPRETER)
    (other,) = nursery.seed.prepare(PYTHON, INTERPRETER, variant="t")
    assert one.root.parent != other.root.parent
    assert index.count(WHEEL) == 1


def test_setuptools_is_prepared_the_same_way(nursery: Nursery, index: Server) -> None:
    folder = index.folder
    offer(folder, small_wheel(folder / "wheels", "80.1", name="setuptools"), name="setuptools")
    index.always("/setuptools/", Fault(redirect="/setuptools/index.html"))
    found = nursery.seed.prepare(PYTHON, INTERPRETER, packages=("pip", "setuptools"))
    assert [(each.name, each.version) for each in found] == [("pip", "99.0"), ("setuptools", "80.1")]


def test_the_newest_setuptools_that_still_has_pkg_resources_is_taken(nursery: Nursery, index: Server) -> None:
    folder = index.folder
    wheels = [small_wheel(folder / "wheels", each, name="setuptools") for each in ("80.10.2", "81.0.0", "82.0.0", "84")]
    offer(folder, *wheels, name="setuptools")
    index.always("/setuptools/", Fault(redirect="/setuptools/index.html"))
    (found,) = nursery.seed.prepare(PYTHON, INTERPRETER, packages=("setuptools",))
    assert found.version == "81.0.0"


def test_the_users_variable_names_the_index_and_its_password_stays_out_of_messages_and_cache(
    tmp_path: Path, index: Server, make: Callable[..., Nursery]
) -> None:
    index.login = "me:s3cret"
    index.always(WHEEL, Fault(status=404))
    nursery = make(tmp_path, None, PIP_INDEX_URL=index.url(login="me:s3cret"))
    nursery.version()
    assert index.count(WHEEL) == 1
    assert "not found" in nursery.notes[0]
    index.always(WHEEL, Fault())
    nursery.now += DAY
    assert nursery.version() == "99.0"
    told = "".join(nursery.notes) + "".join(
        path.read_text(errors="replace") for path in nursery.layout.cache.rglob("*.json")
    )
    assert "s3cret" not in told
    assert "127.0.0.1" in told


def test_an_index_may_be_a_folder(tmp_path: Path, index: Server, make: Callable[..., Nursery]) -> None:
    assert make(tmp_path, f"file://{index.folder}").version() == "99.0"
    assert index.requests == []


def test_an_index_that_knows_only_html_serves_as_well(nursery: Nursery, index: Server) -> None:
    offer(index.folder, index.folder / WHEEL[1:], html=True)
    pip = nursery.prepare()
    assert pip.sha256 == sha256(index.folder / WHEEL[1:])


def test_a_seed_is_read_as_recorded_at_a_fixed_time(nursery: Nursery) -> None:
    pip = nursery.prepare()
    assert pip.until == NOW + DAY
    assert nursery.prepare() == pip


def test_the_index_is_asked_for_json_first(nursery: Nursery, index: Server) -> None:
    nursery.version()
    assert index.requests[0].headers["accept"].startswith("application/vnd.pypi.simple.v1+json,")
