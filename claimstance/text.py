"""From raw text to sentences: normalising, and splitting with character offsets."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import sentencex

NORMALIZER_VERSION = 1
"""Raised whenever `normalize` changes; a model version records the one it was trained with."""

SPLITTER_VERSION = 4
"""Raised whenever `split` gives other boundaries; a scoring job records it."""

LONGEST_SENTENCE = 20_000
"""Characters of a sentence at most; what runs on for longer is cut between two words."""

_TYPOGRAPHY = str.maketrans(
    {"‘": "'", "’": "'", "‚": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"'}
    | {"‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-", "…": "..."}
)
_HYPHENATED_LINE_END = re.compile(r"(?<=\w)-[ \t]*\r?\n[ \t]*(?=[a-z])")
_SPACE = re.compile(r"\s+")
_LONG_RUN = re.compile("[\u0300-\U0010ffff]{31,}")
"""Where more marks than any language puts on a letter may follow each other: none is below."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_INVISIBLE = ("Cc", "Cf", "Co", "Cs", "Cn")
"""Unicode categories without a visible form: controls, formats, private use, lone surrogates."""

# The splitter is generic; these are the few places where news and diplomatic text outwit it.
_WINDOW = re.compile(rf".{{1,{LONGEST_SENTENCE - 2}}}(?=\s|\Z)", re.DOTALL)
"""What of a paragraph the splitter is given at once: whole words, and room for two marks."""

_TAIL = 200
"""Characters at a sentence's end that tell whether it goes on; more than any dateline has."""

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)[a-z]*\.?"
_ENUMERATOR = re.compile(r"\s*\(?(?:\d{1,3}|[a-z]|[ivx]{1,5})[.)]\s+")
_LINE_END = r"(?>\r\n|\n|\r)"
_BLOCK = re.compile(
    rf"\S(?:(?!{_LINE_END}[ \t]*{_LINE_END}|{_LINE_END}[ \t]*\(?\d{{1,3}}[.)]\s).)*", re.DOTALL
)
_SPACE_OR_ANGLE = re.compile(r"[\s<>]")
_QUOTATION_MARK = re.compile(r"[“”\"«»]")
_OPENING = re.compile(rf"(?:^|\s){_QUOTATION_MARK.pattern}\Z")
_CLOSING = re.compile(rf"{_QUOTATION_MARK.pattern}(?=\s|\Z)")
_LONGEST_QUOTATION = 500
"""Characters of a quotation that may stay whole; longer ones are speeches in themselves."""

_DATELINE = re.compile(
    rf"[A-Z][A-Z.'’ -]+(?:,[^.!?]{{0,40}})?,? "
    rf"(?:{_MONTH} \d{{1,2}}|\d{{1,2}} {_MONTH})(?:, \d{{4}})?\.?"
)
_AGENCY = re.compile(r"[/(][A-Z][A-Za-z -]{1,30}[/)]\.?")
# Abbreviations that the splitter does not know and that never end a sentence.
_OPEN_ABBREVIATION = re.compile(
    r"(?:^|[\s(*\"“])(?:MR|MRS|MS|DR|Ms|Mx|Ste|Mgr|Mssrs|Messrs|Amb|Brig|Hon|Govt|Dept|Ft|Ph\.D|[Pp]aras?|Arts|Sect|[Vv]ol"
    r"|Ch|approx|i\.e|e\.g|cf|viz)\.$"
)
# Where a page or an export has lost the space between two sentences.
_GLUED = re.compile(r"(?<=[a-z]{2})[.?!]+[\"”’)\]]*(?=[“\"‘(]?[A-Z][a-z'’ ])")
_GLUED_ABBREVIATION = re.compile(
    r"\b(?:Mrs|Messrs|Prof|Gen|Col|Capt|Adm|Amb|Sen|Rep|Gov|Hon|Rev|Vol|Corr|Add)\.\Z"
)
_LONGEST_ABBREVIATION = len("Messrs.")
_ADDRESS = re.compile(r"[@/]")
_CLOCK = re.compile(r"\b[ap]\.m\.$")
_AFTER_CLOCK = re.compile(
    r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|[A-Z]{2,4}\b|[A-Z][a-z]+ [Tt]ime\b"
)


@dataclass(frozen=True, slots=True)
class Span:
    """A sentence's place: `text[start:end]`, in characters, `end` exclusive."""

    start: int
    end: int


def normalize(text: str) -> str:
    """Return `text` in the one form the model reads.

    Unicode NFC, straight quotes and plain hyphens, words broken over a line end rejoined,
    invisible characters dropped, every run of white space one space, none at the ends.
    Idempotent; the result is empty when `text` holds nothing visible.
    """
    text = _HYPHENATED_LINE_END.sub("-", text)
    # Python orders marks in the square of their number, unless they are in order already.
    text = _LONG_RUN.sub(_in_order, _SPACE.sub(" ", text))
    text = unicodedata.normalize("NFC", text).translate(_TYPOGRAPHY)
    if not text.isascii() or not text.isprintable():
        text = "".join(c for c in text if unicodedata.category(c) not in _INVISIBLE)
    return _SPACE.sub(" ", text).strip()


def _in_order(run: re.Match[str]) -> str:
    """Return a run of characters decomposed, with its marks in canonical order."""
    parts = "".join(unicodedata.normalize("NFD", character) for character in run[0])
    groups = groupby(parts, lambda part: unicodedata.combining(part) > 0)
    return "".join("".join(sorted(group, key=unicodedata.combining)) for _, group in groups)


def is_blank(text: str) -> bool:
    """Tell whether `text` holds nothing visible: whether `normalize` leaves nothing of it."""
    return all(c.isspace() or unicodedata.category(c) in _INVISIBLE for c in text)


def has_half_character(text: str) -> bool:
    """Tell whether `text` holds a lone surrogate: no character, and not to be written as UTF-8."""
    return _SURROGATE.search(text) is not None


def digest(text: str) -> str:
    """Return the SHA-256 of `normalize(text)` in hexadecimal: what a sentence is known by."""
    return hashlib.sha256(normalize(text).encode()).hexdigest()


def split(text: str) -> list[Span]:
    """Return the sentences of `text` in order, without surrounding white space.

    A blank line or a numbered paragraph always ends a sentence; a single line end does not.
    Paragraph numbers ("26.", "(b)") stand outside the sentence they number, and a paragraph
    without a visible word gives none. A quotation of several sentences inside one sentence
    stays whole. Spans never overlap, and none is longer than `LONGEST_SENTENCE`.
    """
    spans: list[Span] = []
    for block in _BLOCK.finditer(text):
        spans.extend(_split_block(text, *block.span()))
    return spans


def _split_block(text: str, start: int, end: int) -> list[Span]:
    """Return the sentences of the paragraph `text[start:end]`."""
    enumerator = _ENUMERATOR.match(text, start, end)
    if enumerator:
        start = enumerator.end()
    spans: list[Span] = []
    for first, last in _pieces(text, start, end):
        # Marks that were taken out go back to the sentence they stand at.
        free = spans[-1].end if spans else start
        if first < free:  # it begins with the mark that the sentence before has taken back
            first = last - len(text[free:last].lstrip())
        if first > free and _OPENING.search(text, max(0, first - 2), first):
            first -= 1
        if _CLOSING.match(text, last, end):
            last += 1
        if spans and last - spans[-1].start <= LONGEST_SENTENCE:
            previous = spans[-1]
            tail = text[max(previous.start, previous.end - _TAIL) : previous.end]
            if _continues(tail, text[first:last]):
                first = spans.pop().start
        spans.append(Span(first, last))
    return spans


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of what the library takes for the sentences of `text[start:end]`.

    A long paragraph goes through it window by window, because its time grows with the square
    of some texts' length; a window's last sentence is read again with the next.
    """
    while start < end:
        words = _WINDOW.match(text, start, end)
        window = words.end() if words else start + LONGEST_SENTENCE - 2
        # The library takes a line end inside a paragraph for a list, and an angle bracket or a
        # quotation mark left open for a quotation to the end of the text; then it splits nothing.
        flat = _SPACE_OR_ANGLE.sub(" ", text[start:window])
        if _runs_away(flat):
            flat = _QUOTATION_MARK.sub(" ", flat)
        found: list[tuple[int, int]] = []
        for boundary in sentencex.get_sentence_boundaries("en", flat):
            raw = flat[boundary["start_index"] : boundary["end_index"]]
            if any(character.isalpha() for character in raw):
                first = start + boundary["start_index"] + len(raw) - len(raw.lstrip())
                found += _unglued(text, first, first + len(raw.strip()))
        if window < end and len(found) > 1:
            window = found.pop()[0]
        yield from found
        start = window


def _unglued(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the parts of `text[start:end]`, cut where a space between sentences is missing."""
    read = start
    straight = curly = 0  # quotation marks in the part so far: all of them; those left open
    for gap in _GLUED.finditer(text, start, end):
        read, passage = gap.end(), text[read : gap.end()]
        straight += passage.count('"')
        curly += passage.count("“") - passage.count("”")
        word = text[max(start, read - _TAIL) : read].rsplit(maxsplit=1)[-1]
        after = text[read : min(end, read + _TAIL)].split(maxsplit=1)[0]
        quoted = straight % 2 or curly > 0
        abbreviated = _GLUED_ABBREVIATION.search(word[-_LONGEST_ABBREVIATION - 1 :])
        if not (quoted or abbreviated or _ADDRESS.search(word + after)):
            yield start, read
            start = read
            straight = curly = 0
    yield start, end


def _runs_away(paragraph: str) -> bool:
    """Tell whether a quotation in `paragraph` is left open or too long to stay whole."""
    straight = paragraph.split('"')
    quotations = straight[1::2]
    if len(straight) % 2 == 0:
        return True
    for opening, closing in ("“”", "«»"):
        for part in paragraph.split(opening)[1:]:
            quotation, closed, _ = part.partition(closing)
            if not closed:
                return True
            quotations.append(quotation)
    return any(len(quotation) > _LONGEST_QUOTATION for quotation in quotations)


def _continues(previous: str, piece: str) -> bool:
    """Tell whether `piece` belongs to the sentence that `previous` seemed to end."""
    flat = _SPACE.sub(" ", previous)
    return bool(
        piece.lstrip('“"«')[:1].islower()
        or _DATELINE.fullmatch(flat)
        or (_AGENCY.match(piece) and len(piece) < 30 and _DATELINE.match(flat))
        or _ends_in_agency(flat)
        or _OPEN_ABBREVIATION.search(flat)
        or (_CLOCK.search(flat) and _AFTER_CLOCK.match(piece))
    )


def _ends_in_agency(flat: str) -> bool:
    """Tell whether `flat` is nothing but a dateline and an agency's name."""
    place, _, agency = flat.rpartition(" ")
    return bool(_AGENCY.fullmatch(agency) and (not place or _DATELINE.fullmatch(place)))
