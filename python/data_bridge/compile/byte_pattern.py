"""Python's regular expressions over latin-1 text, for a native engine that knows bytes.

What one character matches is found out by asking Python's own engine about each of the 256; what is built of that is
written in the syntax that all engines share. Whether *all* of a text matches is no matter of greed or order then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from .. import _core

_parser: Any = re._parser  # type: ignore[attr-defined]
_compiler: Any = re._compiler  # type: ignore[attr-defined]
_TYPE_FLAGS = re.ASCII | re.LOCALE | re.UNICODE


class NotTranslatableError(ValueError):
    """The expression has something that only Python's engine has."""


def byte_pattern(pattern: re.Pattern[str]) -> str:
    """An expression that matches the bytes of all texts that ``pattern`` matches wholly. No text has a line end."""
    try:
        parsed = _parser.parse(pattern.pattern, pattern.flags)
        translated = _sequence(parsed, parsed.state.flags)
        _core.check_byte_pattern(translated)
    except NotTranslatableError:
        raise
    except Exception as error:
        raise NotTranslatableError(str(error)) from error
    return translated


def _sequence(items: Iterable[Any], flags: int) -> str:
    return "".join(_item(op, value, flags) for op, value in items)


def _item(op: Any, value: Any, flags: int) -> str:
    name = str(op)
    if name in {"LITERAL", "NOT_LITERAL", "ANY", "IN"}:
        return _character_class(op, value, flags)
    if name == "BRANCH":
        return f"(?:{'|'.join(_sequence(branch, flags) for branch in value[1])})"
    if name == "SUBPATTERN":
        _, added, removed, inner = value
        if added & _TYPE_FLAGS:
            flags &= ~_TYPE_FLAGS
        return f"(?:{_sequence(inner, (flags | added) & ~removed)})"
    if name in {"MAX_REPEAT", "MIN_REPEAT"}:
        least, most, inner = value
        limit = "" if most == _parser.MAXREPEAT else int(most)
        return f"(?:{_sequence(inner, flags)}){{{least},{limit}}}"
    if name == "AT":
        where = str(value)
        if where in {"AT_BEGINNING", "AT_BEGINNING_STRING"}:
            return r"\A"
        if where in {"AT_END", "AT_END_STRING"}:
            return r"\z"
    raise NotTranslatableError(name)


def _character_class(op: Any, value: Any, flags: int) -> str:
    state = _parser.State()
    state.flags = flags
    single = _compiler.compile(_parser.SubPattern(state, [(op, value)]), flags)
    matching = [code for code in range(256) if single.fullmatch(chr(code))]
    ranges = "".join(f"\\x{{{first:02x}}}-\\x{{{last:02x}}}" for first, last in _ranges(matching))
    return f"[{ranges}]" if ranges else r"[^\x{00}-\x{ff}]"


def _ranges(codes: list[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for code in codes:
        if found and found[-1][1] == code - 1:
            found[-1] = (found[-1][0], code)
        else:
            found.append((code, code))
    return found
