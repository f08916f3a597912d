"""Whether a sentence is English, told offline."""

from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

SHORTEST = 40
"""Bytes of a sentence, as UTF-8, below which nothing is said: too little to tell a language by."""

ENGLISH = 0.05
"""Probability of English below which a sentence is taken for another language."""

# Pidgin and Scots are so near to English that the identifier takes datelines for them.
_ALIKE = {"en", "pcm", "sco"}


def is_foreign(text: str) -> bool:
    """Tell whether `text` is long enough to be judged and in another language than English."""
    if len(text.encode()) < SHORTEST:
        return False
    ranked = _identifier().rank(text)
    return bool(sum(share for language, share in ranked if language in _ALIKE) < ENGLISH)


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
