"""Which encoding bytes are in, found by what they hold."""

import codecs

import charset_normalizer

from claimstance.errors import DocumentUnreadable

SAMPLE = 2**20
"""Bytes of a file that its encoding is found from."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FORMATS = {
    b"%PDF-": "a PDF file",
    b"PK\3\4": "a zip file, or a document of an office program",
    b"{\\rtf": "an RTF document",
    b"\xd0\xcf\x11\xe0": "an old office document",
    b"\x1f\x8b": "compressed by gzip",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ": "compressed by xz",
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x89PNG": "a PNG picture",
    b"GIF8": "a GIF picture",
    b"PAR1": "a Parquet file",
    b"\x7fELF": "a program",
}
"""Beginnings of files that are no text, whatever their names end in."""

_CANDIDATES = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"),
    *("koi8_r", "iso8859_2", "iso8859_5", "iso8859_7", "iso8859_9", "iso8859_15", "mac_roman"),
    *("cp437", "cp850", "cp932", "cp949", "gb18030", "big5", "euc_jp"),
]
"""Encodings that texts before UTF-8 are found in; rarer ones only invite false guesses."""


def detect(sample: bytes) -> str:
    """Return the encoding of a text from its first `SAMPLE` bytes.

    A byte-order mark decides; then whether every other byte is zero, as of Latin letters in
    UTF-16; then UTF-8, where most of what is no ASCII is well formed in it,
    so that a few damaged bytes are reported and do not turn the whole text into another
    alphabet; then the most plausible older encoding.

    Raises:
        DocumentUnreadable: the bytes are not text.
    """
    for mark, encoding in _MARKS:
        if sample.startswith(mark):
            return encoding
    for beginning, what in _FORMATS.items():
        if sample.startswith(beginning):
            raise DocumentUnreadable(f"is not text: it is {what}")
    zero = sample.find(0)
    if zero >= 0:
        for encoding, first in (("utf-16-le", 0), ("utf-16-be", 1)):
            letters, zeros = sample[first : 2**12 : 2], sample[1 - first : 2**12 : 2]
            if 0 not in letters and 2 * zeros.count(0) > len(zeros):
                return encoding
        raise DocumentUnreadable(f"is not text (byte {zero} is zero)")
    lenient = sample.decode("utf-8", "surrogateescape")
    if lenient.isascii():
        return "utf-8"
    # The sample may end inside a character: what its last bytes are does not count.
    strange = [c for c in lenient[:-3] if not c.isascii()]
    damaged = sum("\udc80" <= character <= "\udcff" for character in strange)
    if 2 * damaged <= len(strange):
        return "utf-8"
    first = max(0, lenient.index(strange[0]) - 2**12)
    matches = charset_normalizer.from_bytes(
        sample[first : first + 2**16], cp_isolation=_CANDIDATES, enable_fallback=False
    )
    plausible = sorted(matches, key=lambda m: (round(m.chaos, 2), _CANDIDATES.index(m.encoding)))
    return plausible[0].encoding if plausible else "utf-8"


def decode(data: bytes) -> tuple[str, str]:
    """Return a text and the encoding it was in.

    Raises:
        DocumentUnreadable: the bytes are not text, or not in any encoding known; the message
            tells the first byte that does not fit.
    """
    encoding = detect(data[:SAMPLE])
    try:
        return data.decode(encoding), encoding
    except UnicodeDecodeError as error:
        raise DocumentUnreadable(
            f"is not {encoding.removesuffix('-sig')} text (byte {error.start})"
        ) from error
