"""Why a message holds no trade, in words: what is wrong and where, for people who look at it or correct it."""

import re

import msgspec

_SHOWN = 24  # bytes before a fault that are shown
_LONGEST = 60  # bytes of a whole message that are shown
_KINDS = {
    "str": "text",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "null": "null",
    "object": "an object",
    "array": "a list",
}
_missing = re.compile(r"Object missing required field `(\w+)`").match
_unlike = re.compile(r"Expected `(\w+)`, got `(\w+)`(?: - at `\$\.(\w+)`)?").match
_at_byte = re.compile(r"JSON is malformed: (.+) \(byte (\d+)\)").match


def told(error: msgspec.MsgspecError | UnicodeDecodeError, message: bytes) -> str:
    """Return what is wrong with a message that `error` was raised for."""
    if isinstance(error, UnicodeDecodeError):
        return _no_text(message)
    said = str(error)
    if said.startswith("Input data was truncated"):
        return _cut_off(message)
    if found := _missing(said):
        return f"{found[1]} is missing"
    if found := _unlike(said):
        return _other_kind(*found.groups())
    if found := _at_byte(said):
        return _no_json(message, found[1], int(found[2]))
    return said


def _no_text(message: bytes) -> str:
    """Name the byte: the error counts from the beginning of the text that the byte is in."""
    try:
        message.decode()
    except UnicodeDecodeError as whole:
        return f"it is no UTF-8 text: byte 0x{message[whole.start]:02x} at position {whole.start:,}, after {_before(message, whole.start)}"
    return "it is no UTF-8 text"


def _cut_off(message: bytes) -> str:
    if not message.strip():
        return "it is empty"
    return f"it breaks off in the middle, after {len(message):,} bytes: {_before(message, len(message))}"


def _other_kind(wanted: str, got: str, field: str | None) -> str:
    if field is None:
        return f"it is {_KINDS.get(got, got)}, and {_KINDS.get(wanted, wanted)} with the fields of a trade is needed"
    return f"{field} is {_KINDS.get(got, got)}, and {_KINDS.get(wanted, wanted)} is needed"


def _no_json(message: bytes, what: str, at: int) -> str:
    if at == 0 and not message.lstrip().startswith((b"{", b"[")):
        return f"it is no JSON: it begins with {_shown(message[:_LONGEST])}"
    return f"it is no JSON: {what} at position {at:,}, after {_before(message, at)}"


def _before(message: bytes, at: int) -> str:
    return _shown(message[max(at - _SHOWN, 0) : at]) if at else "nothing"


def _shown(part: bytes) -> str:
    return repr(part.decode(errors="backslashreplace"))
