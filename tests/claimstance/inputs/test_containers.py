"""Files and archives: every document found, everything hostile refused with its reason."""

import gzip
import inspect
import io
import os
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from claimstance.errors import DocumentUnreadable
from claimstance.inputs.address import Opener, shown
from claimstance.inputs.containers import Leaf, Refused, look
from claimstance.inputs.discover import File, discover


def found(path: Path) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return what lies in a file: bytes by name, and the reasons of what is refused."""
    texts, refused = {}, {}
    for part in look(path, path.name):
        if isinstance(part, Refused):
            refused[part.source] = part.reason
        else:
            with Opener().open(part.whole) as stream:
                texts[part.name] = stream.read()
    return texts, refused


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(members: dict[str, bytes], mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


MEMBERS = {"a.txt": b"One.", "deep/b.html": b"<p>Two.", "c.csv": b"text\nThree.\n"}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.zip", zipped(MEMBERS)),
        ("x.ZIP", zipped(MEMBERS, zipfile.ZIP_STORED)),
        ("x.zip", zipped(MEMBERS, zipfile.ZIP_BZIP2)),
        ("x.tar", tarred(MEMBERS, "w")),
        ("x.tar.gz", tarred(MEMBERS, "w:gz")),
        ("x.tgz", tarred(MEMBERS, "w:gz")),
        ("x.tar.xz", tarred(MEMBERS, "w:xz")),
        ("x.tar.bz2", tarred(MEMBERS, "w:bz2")),
    ],
)
def test_archives_are_looked_into(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    assert found(tmp_path / name) == ({f"{name}/{k}": v for k, v in MEMBERS.items()}, {})


def test_archives_in_archives_and_compressed_members(tmp_path: Path) -> None:
    inner = zipped({"a.txt": b"One."})
    path = tmp_path / "x.zip"
    path.write_bytes(
        zipped(
            {
                "i.zip": inner,
                "b.txt.gz": gzip.compress(b"Two."),
                "t.tar.gz": tarred({"c.txt": b"Three."}, "w:gz"),
            }
        )
    )
    texts, refused = found(path)
    assert refused == {}
    assert texts == {
        "x.zip/i.zip/a.txt": b"One.",
        "x.zip/b.txt.gz": b"Two.",
        "x.zip/t.tar.gz/c.txt": b"Three.",
    }


def test_nesting_has_an_end(tmp_path: Path) -> None:
    data = zipped({"a.txt": b"One."})
    for _ in range(5):
        data = zipped({"x.zip": data})
    (tmp_path / "x.zip").write_bytes(data)
    texts, refused = found(tmp_path / "x.zip")
    assert texts == {}
    (reason,) = refused.values()
    assert "nested" in reason


@pytest.mark.parametrize("name", ["../out.txt", "/etc/out.txt", "a/../../out.txt", "a\\..\\b.txt"])
def test_names_that_point_outside_are_refused(tmp_path: Path, name: str) -> None:
    for suffix, data in ((".zip", zipped({name: b"x"})), (".tar", tarred({name: b"x"}, "w"))):
        path = tmp_path / f"x{suffix}"
        path.write_bytes(data)
        texts, refused = found(path)
        assert texts == {}
        assert "outside" in next(iter(refused.values()))


def test_links_and_devices_are_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            info = tarfile.TarInfo(f"{kind!r}.txt")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    (tmp_path / "x.tar").write_bytes(buffer.getvalue())
    texts, refused = found(tmp_path / "x.tar")
    assert texts == {}
    assert len(refused) == 4
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as zipped_link:
        zipped_link.writestr(link, "/etc/passwd")
    texts, refused = found(tmp_path / "x.zip")
    assert texts == {}
    assert "link" in refused["x.zip/link.txt"]


def test_a_zip_bomb_is_refused_unopened(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(zipped({f"{n}.txt": bytes(9 * 2**20) for n in range(20)}))
    texts, refused = found(tmp_path / "x.zip")
    assert texts == {}
    assert "bomb" in refused["x.zip"]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("x.zip", b"no zip", "no archive"),
        ("x.tar", b"no tar" * 200, "no archive"),
        ("x.tar.gz", b"no gzip", "cannot be read"),
        ("x.pdf", b"%PDF", "ends in none of"),
        ("README", b"text", "ends in none of"),
        ("x.gz", gzip.compress(b"x"), "ends in none of"),
        ("x.zip", zipped({"a.txt": b"One."})[:-30], "no archive"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(data)
    _, refused = found(tmp_path / name)
    assert reason in refused[name]


def test_bombs_in_bombs_are_refused_whole(tmp_path: Path) -> None:
    inner = zipped({"a.txt": b"Rain. " * 2_500_000})
    packed = gzip.compress(b"Rain. " * 2_500_000)
    (tmp_path / "zips.zip").write_bytes(zipped({f"{n}.zip": inner for n in range(8)}))
    (tmp_path / "gzips.zip").write_bytes(zipped({f"{n}.txt.gz": packed for n in range(8)}))
    for name in ("zips.zip", "gzips.zip"):
        texts, refused = found(tmp_path / name)
        assert texts == {}
        assert list(refused) == [name]
        assert "bomb" in refused[name]


def test_a_member_that_lies_about_its_size_costs_itself_alone(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.txt": b"One.", "b.txt": b"Two."}))
    place = data.index(b"PK\1\2")
    data[place + 24 : place + 28] = (2**32 - 2).to_bytes(4, "little")
    (tmp_path / "x.zip").write_bytes(data)
    texts, refused = found(tmp_path / "x.zip")
    assert texts == {"x.zip/b.txt": b"Two."}
    assert "cannot hold" in refused["x.zip/a.txt"]


def test_members_of_one_name_are_told_apart(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for data in (b"One.", b"Two.", b"Three."):
            info = tarfile.TarInfo("a.txt")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    (tmp_path / "x.tar").write_bytes(buffer.getvalue())
    assert found(tmp_path / "x.tar")[0] == {
        "x.tar/a.txt": b"One.",
        "x.tar/a.txt (2)": b"Two.",
        "x.tar/a.txt (3)": b"Three.",
    }


def test_a_member_s_name_that_is_no_utf_8_is_shown_escaped(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(tarred({os.fsdecode(b"caf\xe9.txt"): b"One."}, "w"))
    assert found(tmp_path / "x.tar")[0] == {"x.tar/caf\\xe9.txt": b"One."}


def test_what_is_lost_of_a_damaged_tar_is_told(tmp_path: Path) -> None:
    whole = tarred({"a.txt": b"One.", "b.txt": b"Two."}, "w")
    flipped = bytearray(whole)
    flipped[1024] ^= 1
    for data, said in (
        (bytes(flipped), "damaged at byte 1024 (bad checksum)"),
        (whole[:1100], "damaged at byte 1024 (truncated header)"),
        (whole[:1024], "damaged at byte 1024 (no end mark)"),
        (whole + b"garbage." * 100, "damaged at byte 10240"),
    ):
        (tmp_path / "x.tar").write_bytes(data)
        texts, refused = found(tmp_path / "x.tar")
        assert texts["x.tar/a.txt"] == b"One."
        assert said in refused["x.tar"]


def test_tar_archives_behind_each_other_are_all_read(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(tarred({"a.txt": b"One."}, "w") + tarred({"b.txt": b"2"}, "w"))
    assert found(tmp_path / "x.tar") == ({"x.tar/a.txt": b"One.", "x.tar/b.txt": b"2"}, {})


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_tar_header_that_would_fill_the_memory_is_refused(tmp_path: Path, kind: bytes) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = kind, 2**40
    (tmp_path / "x.tar").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(2048))
    _, refused = found(tmp_path / "x.tar")
    assert "names 1099511627776 bytes" in refused["x.tar"]


@pytest.mark.parametrize("data", [zipped({}), tarred({}, "w")])
def test_an_archive_of_nothing_is_told(tmp_path: Path, data: bytes) -> None:
    name = "x.zip" if data.startswith(b"PK") else "x.tar"
    (tmp_path / name).write_bytes(data)
    assert found(tmp_path / name) == ({}, {name: "holds no file"})


def test_a_damaged_member_costs_itself_alone(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.txt": b"One." * 50, "b.txt": b"Two." * 50}, zipfile.ZIP_STORED))
    data[data.index(b"One.") + 3] ^= 1
    (tmp_path / "x.zip").write_bytes(data)
    first, second = look(tmp_path / "x.zip", "x.zip")
    assert isinstance(first, Leaf)
    assert isinstance(second, Leaf)
    with pytest.raises(DocumentUnreadable), Opener().open(first.whole) as stream:
        stream.read()
    with Opener().open(second.whole) as stream:
        assert stream.read() == b"Two." * 50


def test_folders_are_walked_in_order_and_links_in_them_refused(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.txt", "a/y.txt", ".hidden.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "c.txt").symlink_to("b.txt")
    (tmp_path / "loop").symlink_to(".")
    os.mkfifo(tmp_path / "pipe.txt")
    parts = list(discover([str(tmp_path)]))
    files = [Path(p.path).name for p in parts if isinstance(p, File)]
    assert files == ["y.txt", "z.txt", "b.txt"]
    refused = {Path(p.source).name: p.reason for p in parts if isinstance(p, Refused)}
    assert set(refused) == {".hidden.txt", "c.txt", "loop", "pipe.txt"}
    assert "hidden" in refused[".hidden.txt"]


def test_a_file_named_twice_is_taken_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    again = [str(tmp_path), str(tmp_path / "a.txt"), str(tmp_path / "*.txt")]
    assert len(list(discover(again))) == 1


@pytest.mark.parametrize("name", ["none.txt", "none*.txt"])
def test_an_input_that_is_not_there_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(DocumentUnreadable, match="none"):
        list(discover([str(tmp_path / name)]))


def test_a_file_under_a_second_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    os.link(tmp_path / "a.txt", tmp_path / "b.txt")
    file, refused = discover([str(tmp_path)])
    assert isinstance(file, File)
    assert isinstance(refused, Refused)
    assert "same file" in refused.reason


def test_folders_may_nest_deeper_than_the_interpreter(tmp_path: Path) -> None:
    folder = tmp_path / "/".join("d" * 300)
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("x")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        (file,) = discover([str(tmp_path)])
    finally:
        sys.setrecursionlimit(limit)
    assert isinstance(file, File)


def test_a_name_that_is_no_utf_8_can_be_shown(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")
    Path(path).write_text("x")
    (file,) = discover([str(tmp_path)])
    assert isinstance(file, File)
    assert shown(file.path).endswith("caf\\xe9.txt")
