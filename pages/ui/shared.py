"""Values that all visitors share for a few seconds.

`st.cache_data` hands every visitor a copy (87 µs a hit, and more the larger the value); what the pages read is never changed, so here
it is handed out as it is (1 µs). What a shared function returns must therefore be immutable, or at least nobody's to change.
"""

from collections.abc import Callable
from functools import wraps
from threading import RLock
from time import monotonic
from typing import Any, ParamSpec, TypeVar

Given = ParamSpec("Given")
Value = TypeVar("Value")
_Kept = dict[Any, tuple[float, Any]]  # by the arguments: until when it is good, and the value
_EVERYTHING = list[tuple[RLock, _Kept]]()


def shared(*, seconds: float, entries: int, lasting: bool = False) -> Callable[[Callable[Given, Value]], Callable[Given, Value]]:
    """Keep what a function returns for so many seconds, for at most `entries` combinations of (hashable) arguments.

    `lasting` is for what no command changes: it stays when everything else is to be read anew.
    """

    def keep(read: Callable[Given, Value]) -> Callable[Given, Value]:
        kept, reading = _Kept(), RLock()
        if not lasting:
            _EVERYTHING.append((reading, kept))

        @wraps(read)
        def ask(*args: Given.args, **options: Given.kwargs) -> Value:
            key = (args, tuple(options.items()))
            if (known := kept.get(key)) is not None and known[0] > monotonic():
                return known[1]  # type: ignore[no-any-return]
            with reading:  # whoever comes meanwhile waits for the one answer instead of asking too
                if (known := kept.get(key)) is not None and known[0] > monotonic():
                    return known[1]  # type: ignore[no-any-return]
                value = read(*args, **options)
                kept.pop(key, None)  # the oldest stands first
                while len(kept) >= entries:
                    del kept[next(iter(kept))]
                kept[key] = (monotonic() + seconds, value)
            return value

        return ask

    return keep


def forget() -> None:
    """Let everything be read anew: a person who has changed something sees it at once."""
    for reading, kept in _EVERYTHING:
        with reading:  # a read that is under way may have begun before the change
            kept.clear()
