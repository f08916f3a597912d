"""What may be trained on beside the corpus: what its check lets through, or a person does."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from claimstance import Predictor
from claimstance.errors import InvalidInput
from training import check, check_page


def admit(
    files: Sequence[Path],
    renamed: Mapping[str, str] | None,
    accept_doubtful: bool,
    page: Path | None = None,
) -> tuple[str, ...]:
    """Check labelled files by the version in production, and refuse what must not be trained on.

    Args:
        files: the labels.
        renamed: the labels of this project by those in the files.
        accept_doubtful: whether labels that are likely wrong are let through.
        page: where the check's page goes if the files are refused.

    Returns:
        What is doubted of the labels and let through all the same.

    Raises:
        InvalidInput: the files are refused; the message tells why, what shows where, and the way
            out.
    """
    found = check.check(files, Predictor.load(), renamed)
    if not found.refusals and (accept_doubtful or not found.doubts):
        return tuple(found.doubts)
    shown = "`python -m training check FILE --report DIR`"
    if page:
        page.write_text(check_page.render(found), encoding="utf-8")
        shown = str(page)
    way_out = "; --accept-doubtful lets labels through that a person has looked at"
    raise InvalidInput(
        f"must not be trained on: {'; '.join(found.reasons)} ({shown} shows where"
        f"{way_out if found.doubts else ''})",
        ", ".join(map(str, files)),
    )
