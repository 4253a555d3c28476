"""The benchmarks: that they run from a checkout, and that their arithmetic is right. What they find is not tested."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scripts.benchmarks import budgets, commands, counts, downloads, growth, main, report, shells, shim
from scripts.benchmarks.bench import Bench
from scripts.benchmarks.process import Command, FailedError, Spent, spend
from scripts.benchmarks.results import Race, spread, turns
from scripts.benchmarks.server import Server
from scripts.benchmarks.world import EXACT, Store, World, names
from tests.support.command import pyv
from tests.support.stores import program

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
BENCH = ROOT / "scripts/bench"


def bench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", BENCH, *arguments], capture_output=True, text=True, timeout=300, check=False, cwd=Path.home()
    )


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """Return pyv as one command."""
    return program(tmp_path / "bin/pyv", f'exec "{sys.executable}" -m pyv "$@"')


def test_a_measure_runs_from_a_checkout_and_its_figures_can_be_read(command: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nwhat was there\n{report.END}\nafter\n")
    done = bench("start", "--rounds", "1", "--pyv", command, "--json", "-", "--fill", page)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == 1
    shells = {race["case"]: race["subjects"] for race in document["races"]}
    assert shells.keys() == {name for name in ("bash", "zsh", "fish") if shutil.which(name)}
    for subjects in shells.values():
        assert subjects["pyv"]["median"] > 0
        assert "over_floor" in subjects["pyv"]
    assert {each["met"] for each in document["budgets"]} == {None}  # which are about others
    filled = page.read_text()
    assert filled.startswith(f"before\n{report.BEGIN}\n")
    assert filled.endswith(f"{report.END}\nafter\n")
    assert "what was there" not in filled
    assert "| start | bash | pyv |" in filled


def test_a_measure_that_does_not_exist_is_named() -> None:
    done = bench("shim", "nonesuch")
    assert (done.returncode, "nonesuch" in done.stderr) == (2, True)


def test_the_page_has_the_markers_that_it_is_filled_between() -> None:
    text = (ROOT / "docs/performance.md").read_text("utf-8")
    assert report.fill(text, "tables").count("tables") >= 1
    with pytest.raises(ValueError, match="there is no"):
        report.fill("no markers", "tables")


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="there is no shellcheck here")
def test_shellcheck_has_nothing_to_say() -> None:
    words = ["shellcheck", "--external-sources", str(BENCH)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert os.access(BENCH, os.X_OK)


# What fails on the way


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world whose pyv does nothing; the working directory, which measures change, comes back."""
    monkeypatch.chdir(tmp_path)
    return World(tmp_path / "scratch", "/bin/true")


def test_a_measure_that_fails_is_named_and_costs_nothing_but_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(run: Bench) -> None:
        run.keep(Race("first", "before it failed", "ms", {"pyv": [1.0]}))
        raise FailedError("pyenv: status 1: it broke\non its second line")

    def works(run: Bench) -> None:
        run.keep(Race("second", "case", "ms", {"pyv": [2.0]}))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(main, "MEASURES", {"first": fails, "second": works})
    assert main.main(["--pyv", "/bin/true", "--json", "figures", "--markdown", "tables"]) == 0
    document = json.loads((tmp_path / "figures").read_text())
    assert [race["measure"] for race in document["races"]] == ["first", "second"]
    assert document["skipped"] == {"first": "pyenv: status 1: it broke\non its second line"}
    assert "Not measured: first: pyenv: status 1: it broke\n" in (tmp_path / "tables").read_text()


def test_a_peer_whose_install_fails_is_not_asked_for_its_memory(world: World) -> None:
    run = Bench(world, 1)

    def command(path: str) -> Callable[[], Command]:
        return lambda: Command((path,), {}, "/")

    runs = {"pyv": command("/bin/true"), "uv": command("/bin/false"), "mise": command("/nowhere/mise")}
    downloads._race(run, "one", runs, times=1)
    assert [(each.measure, list(each.values)) for each in run.races] == [("install", ["pyv"]), ("memory", ["pyv"])]
    assert run.skipped.keys() == {"uv (install, one)", "mise (install, one)"}


def test_memory_is_looked_at_by_turns_after_a_warm_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def look(command: Command) -> float:
        asked.append(command.words[0])
        return 1.0

    monkeypatch.setattr(downloads, "peak", look)
    runs: dict[str, Callable[[], Command]] = {
        name: partial(Command, (f"/bin/{name}",), {}, "/") for name in ("true", "echo")
    }
    downloads._race(Bench(world, 4), "one", runs, times=0.25)
    assert asked == ["/bin/true", "/bin/echo"] * 3


def test_what_a_peer_fails_at_is_left_out_of_the_counts(world: World) -> None:
    run = Bench(world, 1)
    strace = program(world.scratch / "strace", 'while [ "$1" != -o ]; do shift; done\n: >"$2"; shift 2\nexec "$@"')
    these = {name: Command((f"/bin/{name}",), {}, "/") for name in ("true", "false")}
    assert counts._counted(run, str(strace), "case", these) == {"true": (0, 0)}
    assert run.skipped.keys() == {"false (counts, case)"}


def test_a_pyenv_that_cannot_make_shims_is_missing_each_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    program(world.scratch / "bin/pyenv", "echo broken >&2; exit 1")
    monkeypatch.setenv("PATH", f"{world.scratch}/bin:{os.environ['PATH']}")
    run = Bench(world, 1)
    assert [run.peers.pyenv(1), run.peers.pyenv(1)] == [None, None]
    assert "broken" in run.skipped["pyenv"]


def test_one_shell_without_its_hook_leaves_the_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Bench(world, 1)
    asked: list[str] = []
    monkeypatch.setattr(shells, "places", lambda _, shell: asked.append(shell))
    monkeypatch.setattr(shells, "found", lambda _: ["bash", "zsh"])
    shells.measure_prompts(run)
    assert asked == ["bash", "zsh"]
    world.pyv = "/bin/false"
    assert shells.NONE in shells.hooks_of(run, "bash", Store(world, world.scratch / "store"))
    assert "pyv's hook of bash" in run.skipped


@pytest.mark.parametrize(
    ("option", "path", "said"),
    [
        ("--json", "missing/file", "there is no folder"),
        ("--markdown", "folder", "is a folder"),
        ("--fill", "missing", "No such file"),
        ("--fill", "unmarked", "there is no <!-- scripts/bench begin -->"),
    ],
)
def test_where_the_results_go_is_looked_at_before_anything_is_measured(
    option: str, path: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "unmarked").touch()
    done = bench("start", "--pyv", "/bin/false", option, tmp_path / path)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    last = done.stderr.splitlines()[-1]
    assert str(tmp_path) in last
    assert said in last


# Arithmetic


def race(**values: list[float]) -> Race:
    return Race("shim", "case", "ms", values, floor="floor" if "floor" in values else "")


def test_contenders_take_turns_after_a_warm_up_and_one_that_fails_is_left_out() -> None:
    called = []
    failed = []

    def contender(name: str) -> Callable[[], float]:
        def run() -> float:
            called.append(name)
            if name == "c" and len(called) > 6:
                raise FailedError("it broke")
            return float(len(called))

        return run

    values = turns(
        {name: contender(name) for name in "abc"},
        2,
        warm_ups=1,
        failed=lambda name, error: failed.append((name, str(error))),
        failures=(FailedError,),
    )
    assert "".join(called) == "abcabcabc"
    assert values == {"a": [4, 7], "b": [5, 8]}
    assert failed == [("c", "it broke")]


def test_ratios_and_differences_are_those_within_a_round() -> None:
    # In a busy round both are slow: the ratio of the medians would be 2
    result = race(floor=[1, 1, 10], ours=[2, 2, 40], theirs=[1, 2, 40])
    assert result.ratio("ours", "theirs") == 1
    assert result.over("ours") == 1
    assert result.median("ours") == 2
    assert spread([1, 2, 3, 4]) == (1.25, 3.75)
    assert spread([3, 1]) == (1, 3)


def test_the_figures_hold_each_round_and_the_median_of_its_ratios() -> None:
    described = json.loads(json.dumps(race(ours=[2, 2, 40], theirs=[1, 2, 80]).describe()))
    assert described["first"] == "ours"
    assert described["subjects"]["theirs"]["values"] == [1, 2, 80]
    assert described["subjects"]["theirs"]["ratio_to_first"] == 1
    assert "ratio_to_first" not in described["subjects"]["ours"]
    floored, nothing = race(floor=[1], ours=[3]).describe(), race(ours=[0], theirs=[1]).describe()
    assert floored["first"] is None  # they are compared by what is above it
    assert nothing["first"] is None


@pytest.mark.parametrize("power", [0, 0.5, 1, 2])
def test_the_exponent_is_that_of_the_time_above_the_floor(power: float) -> None:
    sizes = {str(size): size for size in (1, 10, 100)}
    values = {"floor": [5.0], **{name: [5.0 + 3 * size**power] for name, size in sizes.items()}}
    assert Race("growth", "x", "ms", values, "floor", sizes).exponent() == pytest.approx(power)
    assert Race("growth", "x", "ms", {"1": [1.0]}, sizes={"1": 1}).exponent() is None


def test_a_budget_is_met_missed_or_not_measured() -> None:
    def verdict(over: float) -> budgets.Verdict:
        values = {shim.DIRECT: [1.0], "5 up": [1.0 + over]}
        found = budgets.verdicts([Race("shim", shim.DEPTHS, "ms", values, shim.DIRECT)])
        return next(each for each in found if "5 folders up" in each.what)

    assert verdict(0.9).met
    assert verdict(1.5)[2:] == ("1.50 ms", False)
    assert {each.met for each in budgets.verdicts([])} == {None}


# What is measured


def test_a_failed_command_is_no_figure_and_says_why(tmp_path: Path) -> None:
    fails = program(tmp_path / "fails", "echo because >&2; exit 3")
    with pytest.raises(FailedError, match="status 3: because"):
        spend(Command((str(fails),), {"PATH": "/usr/bin:/bin"}, "/"))
    assert spend(Command((str(fails),), {"PATH": "/usr/bin:/bin"}, "/", status=3)).seconds > 0
    spent = spend(Command(("/bin/sh", "-c", 'test "$PWD" = / && test -z "$HOME"'), {"PATH": "/usr/bin:/bin"}, "/"))
    assert spent.seconds > 0
    assert spent.peak > 0


def test_the_fakes_are_as_many_as_asked_for_and_the_pinned_one_is_the_newest_of_its_minor_version() -> None:
    for count in (1, 10, 200):
        found = names(count)
        assert len(set(found)) == count
        assert [name for name in found if name.startswith("3.12.")][-1] == EXACT


def test_every_command_that_changes_nothing_is_measured_or_left_out_for_a_reason() -> None:
    changing = (
        "install uninstall link venv sync lock trust virtualenv virtualenv-delete upgrade prune repair import pack"
    )
    measured = {words[0] for words in commands.EVERY if not words[0].startswith("-")}
    sets = measured, set(commands.LEFT_OUT), {*changing.split(), "rehash"}  # which `growth` measures
    assert sum(map(len, sets)) == len(set.union(*sets))
    assert sorted(set.union(*sets)) == pyv("commands").lines
    assert all(commands.LEFT_OUT.values())


def test_every_command_that_is_measured_succeeds_where_it_is(command: Path, tmp_path: Path) -> None:
    world = World(tmp_path / "scratch", str(command))
    asked: dict[str, Command] = {}
    run = Bench(world, 1)
    # In place of clock and peers, in this one object: mypy takes methods for constants, and `find` is given a name
    run.time = lambda _, case, these, **__: asked.update({case: these["pyv"]} if "pyv" in these else {})  # type: ignore[method-assign]
    run.peers.find = lambda name: ""  # type: ignore[method-assign] # noqa: ARG005
    commands.measure(run)
    assert len(asked) == len(commands.EVERY) * len(commands.SIZES)
    few = {case: each for case, each in asked.items() if case.endswith(f", {commands.SIZES[0]} versions")}
    for case, each in few.items():
        done = subprocess.run(each.words, env=each.env, cwd=each.cwd, capture_output=True, text=True, check=False)
        # What is amiss around a pyv that is tested is another question than what it costs to ask
        assert done.returncode == each.status or case.startswith("doctor"), (case, done.stderr)


def test_each_first_rehash_has_all_shims_to_make(
    command: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    world = World(tmp_path / "scratch", str(command))
    stores = {number: world.store(1, number) for number in (10, 20)}
    before = {number: sorted(os.listdir(store.root / "shims")) for number, store in stores.items()}
    empty = []

    def look_and_spend(each: Command) -> Spent:
        empty.append(not Path(each.env["PYV_ROOT"], "shims").exists())
        return spend(each)

    monkeypatch.setattr("scripts.benchmarks.growth.spend", look_and_spend)
    run = Bench(world, 1)
    growth._first_rehash(run, "shims", stores)
    (found,) = run.races
    assert (found.case, found.sizes) == (
        f"{growth.FIRST_REHASH}, by the number of shims",
        {"10 shims": 10, "20 shims": 20},
    )
    assert empty == [True] * 4  # two of each, for there is a warm-up
    assert {number: sorted(os.listdir(store.root / "shims")) for number, store in stores.items()} == before


def test_a_shim_of_mise_is_counted_where_there_is_mise(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    program(world.scratch / "bin/mise", 'mkdir "$MISE_DATA_DIR/shims"\nln -s /bin/true "$MISE_DATA_DIR/shims/program"')
    program(world.scratch / "bin/pyenv", "exit 1")
    monkeypatch.setenv("PATH", f"{world.scratch}/bin:{os.environ['PATH']}")
    asked = []

    def count(_: Bench, __: str, command: Command) -> tuple[int, int]:
        asked.append(command)
        return 0, 7

    monkeypatch.setattr(counts, "count", count)
    run = Bench(world, 1)
    counts._shims(run, "")
    assert [list(each.values) for each in run.races] == [["no shim", "pyv", "mise, exact pin"]] * 2
    found = asked[-1]
    assert spend(found).seconds > 0
    assert (Path(found.cwd).parents[4] / ".tool-versions").read_text() == f"python {EXACT}\n"


def test_the_floor_of_installs_fails_if_an_interpreter_does_not_answer(tmp_path: Path) -> None:
    python = program(tmp_path / "new/bin/python3", f'exec "{sys.executable}" "$@"')
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror/download-metadata.json").write_text("{}")
    (tmp_path / "mirror/archive").write_bytes(b"x" * 100_000)

    def status(folder: str) -> int:
        pairs = [f"{server.url}/archive", str(tmp_path / "new"), "", str(tmp_path / "new")]
        (tmp_path / folder).mkdir()
        words = [sys.executable, "-I", "-c", downloads._LEAST, server.url, str(tmp_path / folder), *pairs]
        return subprocess.run(words, capture_output=True, check=False).returncode

    with Server(tmp_path / "mirror") as server:
        assert status("a") == 0
        python.write_text("#!/bin/sh\nexit 1\n")
        assert status("b") != 0


@pytest.mark.parametrize("rate", [0, 50_000_000])
def test_the_mirror_serves_whole_files_and_nothing_above_it(rate: int, tmp_path: Path) -> None:
    import http.client

    (tmp_path / "mirror").mkdir()
    (tmp_path / "secret").write_text("no")
    body = os.urandom(300_000)
    (tmp_path / "mirror/a+b").write_bytes(body)
    with Server(tmp_path / "mirror", rate) as server:
        connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]))
        for path, expected in (("/a%2Bb", body), ("/../secret", b""), ("/none", b""), ("/a+b", body)):
            connection.request("GET", path)
            assert connection.getresponse().read() == expected
        connection.close()
