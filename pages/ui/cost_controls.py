"""The sliders of a what-if, in the address too: what the world does, and what B chooses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import streamlit as st

from engine.costs.presets import PRESETS
from engine.costs.price_book import Currency, PriceBook
from engine.costs.question import AS_IT_IS, IN_FORCE, RESCUED_WITHIN, TODAY, Question, asked
from engine.costs.storage_classes import STANDARD
from engine.costs.what_if import Workload, spot_of
from pages.ui import cost_data, cost_lab_data
from pages.ui.cost_words import class_name
from pages.ui.text import plain

PARAMETERS = tuple(Question.model_fields)
MINUTE = 60
_PUT_BACK = "cost_put_back"
_READS = tuple(Decimal(value) for value in ("0", "0.1", "0.2", "0.5", "1", "2", "4", "8", "15", "30", "60"))


@dataclass(frozen=True, slots=True)
class Control:
    """One input: its field, its name, where its slider stops, how a stop reads, and what it means."""

    name: str
    label: str
    stops: Sequence[Any]
    said: Callable[[Any], str] = str
    meaning: str = ""


def _months(value: int) -> str:
    return f"{value} month{'s' if value != 1 else ''}" if value else "never"


def _times(value: Decimal | int) -> str:
    return f"{value:,} times" if value != 1 else "as now"


def _seconds(value: int) -> str:
    return f"{value} s" if value < MINUTE else f"{value // MINUTE} min"


def _minutes(value: int) -> str:
    return f"{value} min" if value else "none"


def _days(value: int) -> str:
    return f"the last {value}" if value else "all"


def _halves(low: int, high: int) -> tuple[Decimal, ...]:
    return tuple(Decimal(number) / 2 for number in range(2 * low, 2 * high + 1))


AGES = (0, 1, 2, 3, 6, 12, 18, 24, 36)
WORLD = (
    Control("growth", "Growth, % a month", _halves(-5, 20), meaning="Upon the trend that was measured."),
    Control("symbols", "Symbols", tuple(Decimal(number) / 10 for number in range(5, 51)), _times, "More rows in each session to come."),
    Control(
        "scale", "Scale", (1, 10, 100, 1000, 10_000), _times, "So many times as much of everything: files grow, their number does not."
    ),
    Control("horizon", "Months ahead", tuple(range(1, 61))),
)
READS = (
    Control("reads_new", "Full reads a month, up to 3 months old", _READS, meaning="How often all of it is read; assumed, turn it."),
    Control("reads_old", "… from 3 months on", _READS),
    Control("reads_very_old", "… from a year on", _READS),
    Control("queries", "Queries a month", (0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000), "{:,}".format),
    Control(
        "out",
        "Carried out of the cloud, GB a month",
        tuple(Decimal(value) for value in (0, 1, 10, 100, 200, 500, 1000, 10_000, 100_000)),
        "{:,}".format,
        "Nobody measures it: nothing leaves unless you say so. It does not grow with the scale.",
    ),
    Control("wait", "A restore may take, hours", (0, 5, 12, 48), meaning="Leaves colder classes out of the search."),
)
STORED = (
    Control("warm_at", "Move to a warmer class after", AGES, _months),
    Control("cold_at", "Move to a colder class after", AGES, _months),
)
COMPUTED = (
    Control("spot", "On spot, %", tuple(range(0, 101, 5)), meaning="Share of the hours of runs."),
    Control(
        "checkpoint", "Checkpoint every", (0, 1, 2, 5, 10, 15, 30, 60, 120), _minutes, "What was done since is lost at an interruption."
    ),
    Control("vcpus", "vCPUs of a run", (1, 2, 4, 8, 16, 32, 64)),
)
ASKED = (Control("days", "Days that a query reads", (0, 1, 5, 20, 60, 120, 250, 500), _days),)


def in_address() -> tuple[Question, tuple[str, ...]]:
    """Return what the address asks, and which of its values mean nothing."""
    values: dict[str, Any] = {"compact": cost_lab_data.as_it_is().compact}
    values |= {name: st.query_params[name] for name in PARAMETERS if name in st.query_params and name != "columns"}
    if "columns" in st.query_params:
        values["columns"] = tuple(st.query_params.get_all("columns"))
    found = asked(values)
    return found.question, found.wrong


def turned(workload: Workload, book: PriceBook) -> Question:
    """Draw all sliders; return what they ask."""
    now = fitting(in_address()[0], book)
    with st.expander("The world, for A and B", expanded=True, icon=":material/public:", key="cost_world"):
        _sliders(WORLD, now)
        _choice(
            "currency",
            "Currency",
            [currency.value for currency in Currency],
            now.currency or cost_data.prices().currency.value,
            default=cost_data.prices().currency.value,
        )
        books = [IN_FORCE, *dict.fromkeys((*PRESETS, *(version.name for version in cost_data.versions())))]
        _choice("book", "Price book", books, now.book if now.book in books else IN_FORCE, default=IN_FORCE)
    with st.expander("How often it is read", icon=":material/visibility:", key="cost_reads"):
        _sliders(READS, now)
        engines = list(book.names("query."))
        _choice("engine", "Query engine", engines, now.engine if now.engine in engines else engines[0], default=TODAY.engine)
    with st.expander("B: where data lies", expanded=True, icon=":material/inventory_2:", key="cost_stored"):
        _storage(now, book)
        codecs = [AS_IT_IS, *workload.codecs]
        _choice("codec", "Codec", codecs, now.codec, default=AS_IT_IS, said=lambda name: _codec(workload, name))
    with st.expander("B: how it is computed", expanded=True, icon=":material/memory:", key="cost_computed"):
        _sliders(COMPUTED, now)
        _sliders(_spot(now, book), now)
    with st.expander("B: what a query reads", icon=":material/table_chart:", key="cost_asked"):
        _sliders(ASKED, now)
        _columns(workload, now)
    return fitting(in_address()[0], book)


def fitting(question: Question, book: PriceBook) -> Question:
    """Return a question with an engine and classes that the book prices, where nobody asked for those that it does not."""
    engines, classes = book.names("query."), [name for name in book.names("storage.") if name != STANDARD]
    change: dict[str, Any] = {}
    for name, known, place in (("engine", engines, 0), ("warm", classes, 0), ("cold", classes, -1)):
        if known and getattr(question, name) not in known and getattr(question, name) == getattr(TODAY, name):
            change[name] = known[place]
    return question.model_copy(update=change)


def _storage(now: Question, book: PriceBook) -> None:
    key = _key("compact")
    st.toggle(
        "Compact closed months", value=now.compact, key=key, on_change=_follow, args=("compact", key), help="Before anything is moved."
    )
    classes = [name for name in book.names("storage.") if name != STANDARD]
    for control, of in zip(STORED, ("warm", "cold"), strict=True):
        _sliders((control,), now)
        if getattr(now, control.name):
            chosen = getattr(now, of)
            _choice(of, "… which is", classes, chosen if chosen in classes else classes[0], default=getattr(TODAY, of), said=class_name)
    if now.skipped:
        st.caption(f"Data is in {class_name(now.cold)} by then: the step to {class_name(now.warm)} is left out.")


def _spot(now: Question, book: PriceBook) -> tuple[Control, ...]:
    if not now.spot:
        return ()
    _, discount = spot_of(TODAY, book)
    interrupted = 100 * book.term("compute.interrupted_a_month")
    usual = f"The price book says {100 * discount:.0f}%."
    return (
        Control("discount", "Spot discount, %", tuple(sorted({*range(0, 91, 5), round(100 * discount)})), meaning=usual),
        Control(
            "interrupted",
            "Interrupted a month, %",
            tuple(sorted({interrupted, *(Decimal(value) for value in (0, 1, 2, 5, 10, 20, 30, 50, 75, 90, 99))})),
            lambda value: f"{float(value):g}",
            f"Of spot instances. The price book says {float(interrupted):g}%.",
        ),
        Control(
            "restart",
            "It goes on after",
            (0, RESCUED_WITHIN, 30, 60, 120, 300, 600, 1800),
            _seconds,
            f"Another runner takes it over within {RESCUED_WITHIN} s; a machine that must be started first takes minutes.",
        ),
    )


def _codec(workload: Workload, name: str) -> str:
    share = workload.codecs.get(name)
    return name if share is None else f"{name}: {100 * share:.0f}% of the bytes"


def _sliders(controls: Sequence[Control], now: Question) -> None:
    for control in controls:
        key = _key(control.name)
        at = getattr(now, control.name)
        if at is None:  # the book's own value
            at = _of_book(control.name)
        stops = sorted({*control.stops, at})
        st.select_slider(
            control.label,
            stops,
            at,
            format_func=control.said,
            key=key,
            on_change=_follow,
            args=(control.name, key),
            help=plain(control.meaning) or None,
        )


def _of_book(name: str) -> Any:
    book = cost_lab_data.book(in_address()[0].book)
    _, discount = spot_of(TODAY, book)
    return round(100 * discount) if name == "discount" else 100 * book.term("compute.interrupted_a_month")


def _choice(name: str, label: str, options: Sequence[str], at: str, *, default: str, said: Callable[[str], str] = str) -> None:
    key = _key(name)
    index = list(options).index(at) if at in options else 0
    st.selectbox(label, list(options), index=index, key=key, format_func=said, on_change=_follow, args=(name, key, default))


def _columns(workload: Workload, now: Question) -> None:
    key = _key("columns")
    known = [name for name in now.columns if name in workload.columns]
    st.multiselect(
        "Columns (none: all)",
        list(workload.columns),
        known,
        key=key,
        on_change=_follow,
        args=("columns", key),
        format_func=lambda name: f"{name}: {workload.columns[name]:,} B",
        help=f"Of {workload.dataset}, in the bytes that its files hold of a session.",
        placeholder="All columns",
    )


def _key(name: str) -> str:
    return f"cost_{name}_{st.session_state.get(_PUT_BACK, 0)}"


def _follow(name: str, key: str, default: Any = None) -> None:
    value = st.session_state[key]
    usual = getattr(cost_lab_data.as_it_is(), name) if default is None else default
    if name in ("discount", "interrupted"):
        usual = _of_book(name)
    if value == usual or (name == "columns" and not value):
        st.query_params.pop(name, None)
    elif name == "columns":
        st.query_params[name] = list(value)
    else:
        st.query_params[name] = _written(value)


def put(question: Question) -> None:
    """Set the sliders, and the address, to what a question asks."""
    st.session_state[_PUT_BACK] = st.session_state.get(_PUT_BACK, 0) + 1
    for name in PARAMETERS:
        st.query_params.pop(name, None)
    for name, value in (question.turned | _compaction(question)).items():
        st.query_params[name] = [str(one) for one in value] if isinstance(value, list) else _written(value)


def _compaction(question: Question) -> dict[str, Any]:
    """Return what an address says of compaction: nothing where it is as it is today."""
    return {"compact": question.compact} if question.compact != cost_lab_data.as_it_is().compact else {}


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def put_back() -> None:
    """Set every slider to where it stands today."""
    put(cost_lab_data.as_it_is())
