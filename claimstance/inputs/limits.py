"""What inputs may ask of this program; beyond it they are refused with a reason, never cut."""

MIB = 2**20

MAX_DOCUMENT = 16 * MIB
"""Bytes of one document; a long book has two or three million."""

MAX_NESTING = 3
"""Archives inside archives."""

MAX_INFLATION = 250
"""How many times larger than on disk the content of a compressed file may be; text shrinks to
between a fourth and a fiftieth, so only made-up files come here."""

FREE_INFLATION = 64 * MIB
"""Bytes that any compressed file may hold, however small it is."""

MAX_BUFFERED = 64 * MIB
"""Bytes of a file inside an archive that has to be in memory whole to be read at all."""

MAX_REPEATED = 32 * MIB
"""Bytes that what a document tells of itself may come to, being repeated for each of its sentences;
four times the text's own are free besides."""

BOMB = "holds far more than its size lets expect: a decompression bomb"
"""The reason given for what is beyond the limit on inflation."""


def inflation(size: int) -> int:
    """Return how many bytes a compressed file of `size` bytes may hold."""
    return FREE_INFLATION + MAX_INFLATION * size
