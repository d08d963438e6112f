"""Text that came with the data, made fit to stand on a page: it is shown as it is, never read as markup."""

import re

# Every ASCII mark that means something to Markdown or to Streamlit's additions to it (icons, colours, formulas).
_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:@])")
_CAPITAL = re.compile(r"(?<=[a-z])([A-Z])")


def plain(text: str) -> str:
    """Return a text whose marks are shown instead of obeyed."""
    return _MARKS.sub(r"\\\1", text)


def words(name: str) -> str:
    """Return a name of the code as words: `high_not_below_low` becomes `high not below low`, `PartialFile` becomes `partial file`."""
    return _CAPITAL.sub(r" \1", name).replace("_", " ").strip().lower()


def sentence(text: str) -> str:
    """Return a stored reason as a sentence, fit to be shown: with a capital and a full stop."""
    ended = text if text.endswith((".", "!", "?")) else f"{text}."
    return plain(ended[:1].upper() + ended[1:])
