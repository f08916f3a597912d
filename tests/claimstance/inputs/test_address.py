"""Addresses: bytes anywhere, opened without what is beside them, and never too many of them."""

import bz2
import gzip
import lzma
import zlib
from pathlib import Path

import pyarrow as pa
import pytest

from claimstance.errors import DocumentUnreadable
from claimstance.inputs.address import Address, Opener
from claimstance.inputs.limits import FREE_INFLATION

TEXT = b"The islands are ours. " * 1000


def zstd(data: bytes) -> bytes:
    return bytes(pa.compress(data, "zstd", asbytes=True))


@pytest.mark.parametrize(
    ("step", "compress"),
    [("gzip", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress), ("zstd", zstd)],
)
def test_compressed_bytes_come_back_whole_and_in_parts(
    tmp_path: Path, step: str, compress: object
) -> None:
    assert callable(compress)
    path = tmp_path / "file"
    path.write_bytes(compress(TEXT))
    address = Address(str(path)).then(step)
    opener = Opener()
    with opener.open(address) as stream:
        assert stream.read() == TEXT
    for offset, length in ((5, 30), (40, 2), (41, 3), (0, 7)):  # on, back, and over what was read
        with opener.open(address.then("slice", offset, length)) as stream:
            assert stream.read() == TEXT[offset : offset + length]


def test_an_address_survives_json() -> None:
    address = Address("a.zip").then("slice", 3, 9).then("deflate").then("checked", 1, 2)
    assert Address.from_json(address.to_json()) == address


def test_a_part_left_unread_does_not_shift_the_next(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(TEXT))
    opener = Opener()
    address = Address(str(path)).then("gzip")
    with opener.open(address.then("slice", 0, 5000)) as stream:
        stream.read(3)
    with opener.open(address.then("slice", 5000, 4)) as stream:
        assert stream.read() == TEXT[5000:5004]


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_damage_is_a_reported_error(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(TEXT)[:-cut])
    with (
        pytest.raises(DocumentUnreadable, match="cannot be read"),
        Opener().open(Address(str(path)).then("gzip")) as stream,
    ):
        stream.read()


def test_a_checksum_that_does_not_fit_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(TEXT)
    right = Address(str(path)).then("checked", zlib.crc32(TEXT), len(TEXT))
    with Opener().open(right) as stream:
        assert stream.read() == TEXT
    wrong = Address(str(path)).then("checked", 1, len(TEXT))
    with pytest.raises(DocumentUnreadable, match="checksum"), Opener().open(wrong) as stream:
        stream.read()


def test_a_bomb_is_stopped_while_it_goes_off(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb") as file:
        for _ in range(2 * FREE_INFLATION // 2**20):
            file.write(bytes(2**20))
    read = 0
    with (
        pytest.raises(DocumentUnreadable, match="bomb"),
        Opener().open(Address(str(path)).then("gzip")) as stream,
    ):
        while data := stream.read(2**20):
            read += len(data)
    assert read <= FREE_INFLATION + 250 * path.stat().st_size


def test_utf_16_is_read_as_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes("één".encode("utf-16"))
    with Opener().open(Address(str(path)).then("recode", "utf-16")) as stream:
        assert stream.read().decode() == "één"
