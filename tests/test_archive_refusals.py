"""What is refused, and that nothing outside the destination notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyv import archive
from tests.test_archive_making import END, Room, file, folder, hard, header, link, packed, padded, pax

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "top")


BAD_NAMES = {
    "../canary": "'..' in its name",
    "python/../canary": "'..' in its name",
    "python/..": "'..' in its name",
    "..": "'..' in its name",
    "./../canary": "'..' in its name",
    "python/a/../../../canary": "'..' in its name",
    "/python/a": "an absolute name",
    ".//python/a": "an absolute name",
    "//python/a": "an absolute name",
    "C:python/a": "a drive in its name",
    "python\\..\\canary": "a backslash",
    "C:\\python": "a backslash",
    "python/a\x1b[31mred": "a control character",
    "python/a\nb": "a control character",
    "python/a\x7f": "a control character",
    "python/a\x85": "a control character",
    "python/\u202egnp.exe": "a control character",
    "python//a": "an empty or '.' component",
    "python/./a": "an empty or '.' component",
    "python/a/": "an empty or '.' component",
    "": "its name is empty",
    ".": "an empty or '.' component",
    "canary": "the root of the archive",
    "elsewhere/a": "it is not below 'python'",
    "Python/a": "it is not below 'python'",
    "pythonic/a": "it is not below 'python'",
    "python": "the root of the archive is no folder",
}


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
@pytest.mark.parametrize("kind", ["file", "link", "hard"])
def test_a_bad_name_is_refused_whatever_it_is_the_name_of(room: Room, name: str, kind: str) -> None:
    why = BAD_NAMES[name] if name != "canary" else "it is not below 'python'"
    bad = {"file": file(name, b"evil"), "link": link(name, "a"), "hard": hard(name, "python/good")}[kind]
    with room.refuses(why, repr(name)):
        room.tar(folder("python/"), file("python/good"), bad)


@pytest.mark.parametrize("name", sorted(BAD_NAMES.keys() - {"python", "python/a/", "."}), ids=ascii)
def test_a_bad_name_of_a_folder_is_refused(room: Room, name: str) -> None:
    with room.refuses(repr(name)):
        room.tar(folder("python/"), folder(name))


@pytest.mark.parametrize("name", sorted(BAD_NAMES.keys() - {""}), ids=ascii)
def test_a_bad_name_is_refused_where_pax_tells_it(room: Room, name: str) -> None:
    with room.refuses(repr(name)):
        room.tar(folder("python/"), pax(path=name), file("python/good"))


def test_an_absolute_name_that_would_hit_is_refused(room: Room) -> None:
    with room.refuses("an absolute name"):
        room.tar(folder("python/"), file(f"{room.top}/evil", b"evil"))


def test_a_nul_in_a_name_is_refused(room: Room) -> None:
    with room.refuses(r"'python/a\x00b'", "control character"):
        room.tar(pax(path="python/a\0b"), file("python/good"))
    long = b"python/a\0/../../b\0"
    with room.refuses("NUL"):
        room.tar(header("././@LongLink", b"L", size=len(long)) + padded(long), file("python/good"))


def test_a_name_that_is_not_utf8_is_refused_with_its_bytes_escaped(room: Room) -> None:
    with room.refuses("not UTF-8", r"xff"):
        room.tar(file(b"python/\xff\xfe"))


@pytest.mark.parametrize("name", ["python/" + "n" * 256, "python/" + "é" * 128, "python" + "/abcdefg" * 150])
def test_a_name_that_is_too_long_is_refused(room: Room, name: str) -> None:
    with room.refuses("longer than"):
        room.tar(pax(path=name), file("python/good"))
    assert list(room.inside.iterdir()) == []


@pytest.mark.parametrize("name", ["python/" + "n" * 255, "python" + "/abcdefghijklmnop" * 59])
def test_a_name_that_is_just_not_too_long_is_taken(room: Room, name: str) -> None:
    room.tar(pax(path=name), file("python/good", b"x"))
    assert (room.inside / name.removeprefix("python/")).read_bytes() == b"x"


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (b"3", "a character device"),
        (b"4", "a block device"),
        (b"6", "a fifo"),
        (b"7", "unknown type b'7'"),
        (b"S", "a sparse file"),
        (b"M", "unknown type"),
        (b"V", "unknown type"),
        (b"D", "unknown type"),
        (b"X", "unknown type"),
        (b"\xff", "unknown type"),
    ],
)
def test_only_files_folders_and_links_are_taken(room: Room, kind: bytes, why: str) -> None:
    with room.refuses(why, "'python/dev'"):
        room.tar(folder("python/"), header("python/dev", kind))


@pytest.mark.parametrize("key", ["GNU_sparse_major", "GNU_sparse_map", "GNU_sparse_realsize"])
def test_sparse_files_of_pax_are_refused(room: Room, key: str) -> None:
    with room.refuses("a sparse file", "'python/s'"):
        room.tar(pax(path="python/s", **{key: "1"}), file("python/s"))


@pytest.mark.parametrize("bits", [0o4000, 0o2000, 0o1000])
@pytest.mark.parametrize("kind", [b"0", b"1", b"2", b"5"])
def test_bits_beyond_permissions_are_refused(room: Room, bits: int, kind: bytes) -> None:
    with room.refuses("set-user-id", "'python/x'"):
        room.tar(file("python/a"), header("python/x", kind, mode=0o755 | bits, target="python/a"))


def test_special_bits_of_what_is_not_unpacked_are_refused_too(room: Room) -> None:
    with room.refuses("set-user-id"):
        room.tar(file("python/install/a"), file("python/build/b", mode=0o4755), prefix="python/install")


TWICE = {
    "file": file("python/x", b"2"),
    "link": link("python/x", "a"),
    "hard": hard("python/x", "python/a"),
    "folder": folder("python/x/"),
    "file in it": file("python/x/y"),
}


@pytest.mark.parametrize("first", ["file", "link", "hard", "folder", "file in it"])
@pytest.mark.parametrize("second", TWICE)
def test_nothing_comes_twice_but_folders(room: Room, first: str, second: str) -> None:
    members = (folder("python/"), file("python/a"), TWICE[first], TWICE[second])
    if (first, second) in {("folder", "folder"), ("folder", "file in it"), ("file in it", "folder")}:
        room.tar(*members)
        return
    name = "'python/x/y'" if second == "file in it" else "'python/x'"
    with room.refuses(name):
        room.tar(*members)


def test_what_is_not_unpacked_does_not_come_twice_either(room: Room) -> None:
    with room.refuses("twice", "'python/build/x'"):
        room.tar(folder("python/build/x/"), file("python/build/x"), prefix="python/install")


def test_the_first_member_has_to_be_below_the_prefix_too(room: Room) -> None:
    with room.refuses("it is not below 'pypy*'", "'cpython/a'"):
        room.tar(file("cpython/a"), prefix="pypy*")


def test_names_that_differ_by_a_dot_or_slash_are_the_same(room: Room) -> None:
    with room.refuses("in the archive twice"):
        room.tar(file("python/x"), file("./python/x"))


def test_nothing_is_written_through_a_link_or_a_file(room: Room) -> None:
    with room.refuses("it is below a link", "'python/l/canary'"):
        room.tar(link("python/l", "d"), folder("python/d/"), file("python/l/canary", b"evil"))
    with room.refuses("it is below a file", "'python/f/x/y'"):
        Room(room.top / "second").tar(file("python/f"), file("python/f/x/y"))


def test_a_link_is_never_replaced_by_what_comes_later(room: Room) -> None:
    with room.refuses("twice"):
        room.tar(folder("python/"), link("python/l", "canary"), file("python/l", b"evil"))


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("python/later", "no file before it"),
        ("python/d", "no file before it"),
        ("python/l", "no file before it"),
        ("python", "no file before it"),
        ("", "its name is empty"),
        ("/etc/passwd", "an absolute name"),
        ("../canary", "'..'"),
        ("python/../../canary", "'..'"),
        ("canary", "no file before it"),
        ("python/d/../a", "'..'"),
    ],
)
def test_a_hard_link_has_to_lead_to_a_file_before_it(room: Room, target: str, why: str) -> None:
    with room.refuses(why):
        room.tar(
            folder("python/"),
            file("python/a"),
            folder("python/d/"),
            link("python/l", "a"),
            hard("python/h", target),
            file("python/later"),
        )


def test_a_hard_link_to_what_is_not_unpacked_is_refused(room: Room) -> None:
    with room.refuses("what is not unpacked", "'python/install/h'"):
        room.tar(file("python/build/a"), hard("python/install/h", "python/build/a"), prefix="python/install")


@pytest.mark.parametrize(
    "target",
    [
        "/etc/passwd",
        "/",
        "//",
        "..",
        "../",
        "../canary",
        "d/../../canary",
        "./../canary",
        "d/e/../../..",
        "../inside/a",
    ],
)
def test_a_link_that_is_absolute_or_escapes_is_refused(room: Room, target: str) -> None:
    with room.refuses("'python/x'", repr(target)):
        room.tar(file("python/d/e/f"), link("python/x", target))
    assert not (room.inside / "x").is_symlink()


@pytest.mark.parametrize(
    "chain",
    [
        {"d/l": "..", "e": "d/l/.."},
        {"e": "d/l/..", "d/l": ".."},
        {"d/l": "..", "d/m": "l/..", "e": "d/m"},
        {"d/l": ".", "e": "d/l/../.."},
        {"d/e/l": "../..", "x": "d/e/l/../canary"},
        {"a": "d/e", "b": "a/../../.."},
    ],
    ids=str,
)
def test_a_chain_of_links_that_escapes_is_refused(room: Room, chain: dict[str, str]) -> None:
    with room.refuses("leads outside"):
        room.tar(file("python/d/e/f"), *(link(f"python/{name}", target) for name, target in chain.items()))
    assert not any(path.is_symlink() for path in room.inside.rglob("*"))


@pytest.mark.parametrize("target", ["none/../a", "f/../a", "D/../a", "dangling/../a"])
def test_dots_behind_what_is_no_folder_are_refused_for_a_disk_might_see_a_link_there(room: Room, target: str) -> None:
    with room.refuses("behind what is no folder", "'python/x'"):
        room.tar(file("python/f"), folder("python/d/"), link("python/dangling", "none"), link("python/x", target))


@pytest.mark.parametrize("loop", [{"a": "a"}, {"a": "b", "b": "a"}, {"d/a": "../b/c", "b": "d/a"}], ids=str)
def test_links_that_lead_in_circles_are_refused(room: Room, loop: dict[str, str]) -> None:
    with room.refuses("a loop of links"):
        room.tar(folder("python/d/"), *(link(f"python/{name}", target) for name, target in loop.items()))


@pytest.mark.parametrize("backwards", [True, False])
def test_too_many_links_in_a_row_are_refused_in_either_order(room: Room, backwards: bool) -> None:  # noqa: FBT001 - a parameter
    links = [link(f"python/{number}", str(number + 1)) for number in range(2000)]
    with room.refuses("more than 40"):
        room.tar(file("python/2000"), *(links[::-1] if backwards else links))


@pytest.mark.parametrize("backwards", [True, False])
def test_as_many_links_in_a_row_as_linux_follows_are_taken(room: Room, backwards: bool) -> None:  # noqa: FBT001 - a parameter
    links = [link(f"python/{number}", str(number + 1)) for number in range(40)]
    room.tar(file("python/40", b"x"), *(links[::-1] if backwards else links))
    assert (room.inside / "0").read_bytes() == b"x"


@pytest.mark.parametrize("target", ["", "a\x1bb", "a\\b", "t/" * 600])
def test_a_target_that_no_honest_link_has_is_refused(room: Room, target: str) -> None:
    with room.refuses("'python/x'"):
        room.tar(folder("python/"), pax(linkpath=target), link("python/x", "" if not target else "a"))


def test_a_link_may_not_leave_the_prefix_even_to_come_back(room: Room) -> None:
    with room.refuses("leads outside", "'python/install/x'"):
        room.tar(file("python/install/a"), link("python/install/x", "../../python/install/a"), prefix="python/install")
    with room.refuses("leads outside", "'python/install/x'"):
        Room(room.top / "second").tar(
            file("python/install/a"),
            file("python/build/b"),
            link("python/build/l", "../install/x"),
            link("python/install/x", "../build"),
            prefix="python/install",
        )


def test_links_outside_the_prefix_may_not_escape_either(room: Room) -> None:
    with room.refuses("leads outside", "'python/build/x'"):
        room.tar(file("python/install/a"), link("python/build/x", "../../canary"), prefix="python/install")


@pytest.mark.parametrize(
    "members",
    [(), (folder("python/"),), (folder("./"),), (file("python/build/a"),), (folder("python/install/"),)],
    ids=["nothing", "the root", "the top", "something else", "the prefix"],
)
def test_an_archive_with_nothing_below_the_prefix_is_refused(room: Room, members: tuple[bytes, ...]) -> None:
    with room.refuses("nothing below 'python/install'"):
        room.tar(*members, prefix="python/install")


def test_a_prefix_that_is_a_file_or_a_link_is_refused(room: Room) -> None:
    with room.refuses("nothing below"):
        room.tar(file("python/install"), prefix="python/install")
    with room.refuses("below a link"):
        Room(room.top / "second").tar(
            folder("python/build/"),
            link("python/install", "build"),
            file("python/install/a"),
            prefix="python/install",
        )


def test_all_have_to_share_the_root_that_a_pattern_found(room: Room) -> None:
    with room.refuses("it is not below 'pypy3.10'", "'pypy3.11/a'"):
        room.tar(file("pypy3.10/a"), file("pypy3.11/a"), prefix="pypy*")


def test_two_names_for_one_place_on_this_disk_are_refused(room: Room) -> None:
    (room.inside / "a").write_text("was there before")
    for member in (file("python/a"), folder("python/a/"), hard("python/a", "python/f"), link("python/a", "f")):
        again = Room(room.top / member[156:157].hex())
        (again.inside / "a").write_text("as on a disk that ignores case")
        with again.refuses("takes its name for that of another", "'python/a'"):
            again.tar(file("python/f"), member)
        assert (again.inside / "a").read_text() == "as on a disk that ignores case"


@pytest.mark.parametrize(
    "size", [b"-0000000001", b"\xff" * 12, b"\xc0" + bytes(11), b"\x80" + b"\xff" * 11, b"77777777777 ", b"0x1", b"1_0"]
)
def test_impossible_sizes_are_refused(room: Room, size: bytes) -> None:
    with room.refuses():
        room.tar(file("python/a"), header("python/x", size=size))


@pytest.mark.parametrize("size", ["-1", "1e3", "9" * 30, "9" * 10_000, " 1", str(2**63), "\uff11"])
def test_impossible_sizes_of_pax_are_refused(room: Room, size: str) -> None:
    with room.refuses():
        room.tar(file("python/a"), pax(size=size), header("python/x"))


@pytest.mark.parametrize("kind", [b"1", b"2", b"5"])
def test_content_of_what_has_none_is_refused(room: Room, kind: bytes) -> None:
    with room.refuses("with content", "'python/x'"):
        room.tar(file("python/a"), header("python/x", kind, size=512, target="python/a"), file("python/hidden"))


@pytest.mark.parametrize("mtime", [b"\x80" + b"\xff" * 11, b"\xff" * 12, b"777777777777"])
def test_times_that_no_clock_shows_are_refused(room: Room, mtime: bytes) -> None:
    with room.refuses():
        room.tar(header("python/x", mtime=mtime))


@pytest.mark.parametrize(
    "mtime", ["-1", "1e9", "nan", "99999999999", "9" * 1000, "1.", ".5", "1" + "0" * 9 + "." + "1" * 5000]
)
def test_times_of_pax_that_no_clock_shows_are_refused(room: Room, mtime: str) -> None:
    with room.refuses():
        room.tar(pax(mtime=mtime), file("python/x"))


@pytest.mark.parametrize(
    "data",
    [
        b"30 mtime=1\n",
        b"11 mtime=1",
        b"11 mtime=12",
        b"0 \n",
        b"x",
        b"5 a=\n\n",
        b" 11 mtime=1\n",
        b"+11 mtime=1\n",
        b"11 mtime 1\n",
        b"\n" * 20,
    ],
)
def test_a_pax_header_that_cannot_be_read_is_refused(room: Room, data: bytes) -> None:
    with room.refuses("extended header"):
        room.tar(header("x", b"x", size=len(data)) + padded(data), file("python/x"))


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
@pytest.mark.parametrize("size", [2**20 + 1, b"\x80" + b"\0" * 5 + b"\xff" * 6])
def test_a_huge_extended_header_is_refused_before_it_is_read(room: Room, kind: bytes, size: bytes | int) -> None:
    with room.refuses("an extended header of"):
        room.tar(header("x", kind, size=size))


@pytest.mark.parametrize("key", ["path", "linkpath", "size"])
def test_a_global_header_that_names_all_members_is_refused(room: Room, key: str) -> None:
    with room.refuses("a global header"):
        room.tar(pax(b"g", **{key: "1"}), file("python/x"))


def test_an_extended_header_of_nothing_is_refused(room: Room) -> None:
    with room.refuses("without its member"):
        room.tar(file("python/x"), pax(path="python/y"))


@pytest.mark.parametrize("checksum", [b"000000\0 ", b"garbage!", b"-00001\0 ", b"\xff" * 8])
def test_a_wrong_checksum_is_refused(room: Room, checksum: bytes) -> None:
    with room.refuses():
        room.tar(header("python/x", checksum=checksum))


@pytest.mark.parametrize("data", [b"", b"x", b"\0" * 100, b"#!/bin/sh\n" * 200, b"PK\3\4" + bytes(2000)])
def test_what_is_no_tar_is_refused(room: Room, data: bytes) -> None:
    with room.refuses():
        room.extract(packed(data))


@pytest.mark.parametrize("cut", [1, 511, 512, 513, 1024, 1536, 1800])
def test_a_tar_that_ends_too_early_is_refused(room: Room, cut: int) -> None:
    whole = folder("python/") + file("python/a", b"x" * 600)
    with room.refuses("truncated"):
        room.extract(packed(whole[:cut]))


def test_the_message_about_a_truncated_tar_names_the_member_that_is_cut(room: Room) -> None:
    with room.refuses("truncated", "'python/a'"):
        room.extract(packed((file("python/a", b"x" * 5000) + END)[:3000]))
    with room.refuses("cpython.tar.gz: truncated: the archive ends before"):
        Room(room.top / "second").extract(packed(file("python/a")))


def test_something_behind_the_end_marker_is_refused(room: Room) -> None:
    with room.refuses("behind the archive's end marker"):
        room.extract(packed(file("python/a") + END + file("python/b")))
    with room.refuses("behind the archive's end marker"):
        Room(room.top / "second").extract(packed(file("python/a") + END + bytes(3_000_000) + b"x"))


def test_too_many_members_are_refused_and_implied_folders_count(room: Room) -> None:
    limits = archive.Limits(members=10)
    room.tar(folder("python/"), *(file(f"python/{number}") for number in range(9)), limits=limits)
    with room.refuses("more than 10 members"):
        Room(room.top / "files").tar(*(file(f"python/{number}") for number in range(10)), limits=limits)
    with room.refuses("more than 10 members"):
        Room(room.top / "folders").tar(file("python/" + "d/" * 20 + "f"), limits=limits)
    with room.refuses("more than 10 members"):
        Room(room.top / "same").tar(*[folder("python/")] * 11, limits=limits)


def test_the_default_limits_are_those_of_the_contract() -> None:
    assert archive.DEFAULT_LIMITS.members == 200_000
    assert archive.DEFAULT_LIMITS.total_bytes == 8 * 2**30
