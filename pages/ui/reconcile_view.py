"""What the Reconcile page shows of a session: the verdict, the sums, the causes, every symbol, and its fields on both sides."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from engine.reconcile_words import of_silent
from engine.reconciling import Sides
from engine.stream.reconcile import EXPLAINED, FIELDS, PRICES, Cause, Reconciliation, Side, SymbolResult, Verdict
from pages.ui import format as say
from pages.ui import reconcile_data, theme
from pages.ui.charts import symbols as charts
from pages.ui.charts.calendar import Kind
from pages.ui.text import plain
from pages.ui.url_choice import choice, segments, warn_of_unknown
from pages.ui.widgets import page

SIDE, SHOW, SYMBOL = "of", "show", "symbol"  # of the URL
_DIFFERING, _ABSENT, _ALL = "differing", "absent", "all"
_WORDS = {_DIFFERING: "Symbols that differ", _ABSENT: "Symbols that are missing", _ALL: "All symbols"}
_BANNERS = {
    Verdict.EXACT: (st.success, ":material/verified:"),
    Verdict.EXACT_FOR_PRESENT: (st.warning, ":material/incomplete_circle:"),
    Verdict.DIFFERS: (st.error, ":material/difference:"),
    Verdict.INCOMPLETE: (st.error, ":material/broken_image:"),
    Verdict.UNDER_WAY: (st.info, ":material/pending:"),
    Verdict.NOT_POSSIBLE: (st.info, ":material/help:"),
}
_MEANS: Mapping[Cause, str] = {
    Cause.ABSENT: "The symbol has an official row and none of its trades is there: it was never asked for, or the answer was lost.",
    Cause.LOST: "Trades never came of a symbol of which others did; the holes in the contract ids show them.",
    Cause.LATE: "They came after their window was closed and were set aside; once they are taken in they are missing no more.",
    Cause.QUARANTINED: "Malformed, stamped in the future, out of hours or of another session; they lie with what was set aside.",
    Cause.DUPLICATE: "Two trades came under one contract id and are not the same; the first was taken.",
    Cause.TOO_MANY: "There are trades that officially never were.",
    Cause.ODD_LOTS: "Only odd lots were traded, which make no price.",
    Cause.AVERAGED: "The exchange published an average of its own as the close in those months; the trades have the last price.",
    Cause.RESTATED: "Prices before were restated for a corporate action.",
    Cause.UNOFFICIAL: "There are trades of a symbol that has no official row.",
    Cause.REFUSED: "The official row could not be read, or the gate has set it aside.",
    Cause.OTHER: "Both have the same number of trades, and at least one of these is not the same.",
}


_SIDES = {Side.STREAM: "What the stream received", Side.TAPE: "The source's tape"}
_HAS = {Side.STREAM: "stream", Side.TAPE: "tape"}


def choose_side(there: Sides) -> Side:
    """Return whose trades are compared; the visitor chooses where both are there."""
    if not (there.stream and there.tape):
        return Side.STREAM if there.stream else Side.TAPE
    sides = [side.value for side in Side]
    said = segments("Trades of", sides, name=SIDE, default=Side.STREAM.value, said=lambda word: _SIDES[Side(word)])
    return Side(said)


def about(there: Sides, side: Side) -> str:
    """Say what is compared, and why nothing else can be."""
    if side is Side.STREAM:
        return "What the stream received and serves, late trades as far as they were taken in, against the official rows."
    tape = "Every trade of the source's own tape, added up by the exchange's rule, against the official rows."
    return tape if there.stream else f"{plain(there.no_stream)} {tape}"


def banner(found: Reconciliation) -> None:
    """Say the verdict in words."""
    draw, icon = _BANNERS[found.verdict]
    with st.container(key="reconcile_says"):
        draw(f"**{plain(reconcile_data.words(found))}**", icon=icon)


def comparable(found: Reconciliation) -> bool:
    """Say whether there is anything to compare."""
    return found.verdict not in (Verdict.NOT_POSSIBLE, Verdict.UNDER_WAY)


def tiles(found: Reconciliation) -> None:
    """Show what is equal, what is there and what is missing."""
    both = len(found.present)
    equal = sum(len(FIELDS) - len(one.differing) for one in found.present)
    with st.grid(4, min_column_width=150, key="reconcile_tiles"):
        _tile(
            "Symbols exact",
            f"{found.exact:,} of {both:,}" if both else say.NOTHING,
            f"{equal:,} of {len(FIELDS) * both:,} fields equal",
            good=found.exact == both,
            explanation="Of the symbols on both sides: open, high, low and close over trades of at least a board lot, sums over all.",
        )
        _tile(
            "Symbols missing",
            say.count(len(found.absent), "symbol"),
            f"{say.count(sum(one.official['trades'] or 0 for one in found.absent if one.official), 'trade')} of them",
            good=not found.absent,
            explanation="Symbols that have an official row and of which no trade is there.",
        )
        _tile(
            "Trades missing",
            say.count(found.missing_by_total if found.missing_by_total is not None else found.missing_by_ids),
            f"{found.missing_by_ids:,} by the ids{_tail(found)}",
            good=not (found.missing_by_total or found.missing_by_ids),
            explanation=f"By {found.evidence.value}. Contract ids have no holes: alone they show all but a lost end, and a partition that "
            "never came.",
        )
        _tile(
            "Complete",
            _share(found.complete_by_total if found.complete_by_total is not None else found.complete_by_ids),
            f"{_share(found.complete_by_ids)} by the ids",
            good=not (found.missing_by_total or found.missing_by_ids),
            explanation="The share of the trades that is there, by the official total and by the contract ids alone.",
        )


def _tail(found: Reconciliation) -> str:
    return f", {found.tail:,} that no id tells of" if found.tail and found.tail > 0 else ""


def _share(share: float | None) -> str:
    if share is None:
        return say.NOTHING
    return "100%" if share >= 1 else f"{min(100 * share, 99.99):.2f}%"


def _tile(label: str, value: str, note: str, *, good: bool, explanation: str) -> None:
    with st.container(border=True, height="stretch"):
        st.metric(label, value, delta=note, delta_color="green" if good else "orange", delta_arrow="off", help=explanation)


def causes(found: Reconciliation) -> None:
    """List why symbols differ, and what was set aside."""
    st.subheader("Causes")
    if found.causes:
        rows = {
            "Cause": [cause.value for cause in found.causes],
            "Symbols": [f"{symbols:,}" for symbols, _ in found.causes.values()],
            "Trades": [f"{trades:,}" if trades else say.NOTHING for _, trades in found.causes.values()],
            "What it means": [_MEANS[cause] for cause in found.causes],
        }
        st.table(rows, border="horizontal", hide_index=True, alt="Why symbols differ, and how many trades each cause accounts for")
    else:
        st.caption(":material/check: Nothing differs.")
    aside = ", ".join(f"{number:,} {plain(reason.replace('_', ' '))}" for reason, number in found.set_aside.items())
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        where = "and not taken in since" if found.side is Side.STREAM else "when the tape was taken in"
        st.caption(f"Set aside {where}: {aside}." if aside else f"Nothing was set aside {where}.", width="content")
        if aside and found.side is Side.STREAM:
            day = found.session.isoformat()
            query = {"pipeline": "ticks", "since": day, "until": day}
            st.page_link(page("dead_letters.py"), label="What was set aside", icon=":material/mark_email_unread:", query_params=query)


def wall(found: Reconciliation) -> None:
    """Draw every symbol as a square; a click on one shows its fields."""
    shown = [charts.Square(one.symbol, _kind(one), _square_text(one)) for one in _worst_first(found.results)]
    chosen = st.query_params.get(SYMBOL)

    def choose() -> None:
        for series in st.session_state["reconcile_wall"].selection.selected:
            for place in series["data_indices"]:
                if place < len(shown):
                    st.query_params[SYMBOL] = shown[place].symbol

    st.subheader("Every symbol")
    st.echarts_chart(
        charts.squares(shown, kinds=_kinds(), chosen=chosen),
        height=charts.height(len(shown)),
        key="reconcile_wall",
        on_select=choose,
        alt=f"{found.exact} symbols are exact, {len(found.absent)} are missing",
    )


def _kinds() -> Mapping[str, Kind]:
    return {
        "exact": Kind("exact", "", theme.hexadecimal("green"), calm=True),
        "explained": Kind("explained", "≈", theme.hexadecimal("violet")),
        "differs": Kind("differs", "≠", theme.hexadecimal("red")),
        "absent": Kind("missing", "?", theme.hexadecimal("orange")),
    }


def _kind(one: SymbolResult) -> str:
    if one.exact:
        return "exact"
    if one.trades is None:
        return "absent"
    return "explained" if one.causes.keys() <= EXPLAINED else "differs"


def _worst_first(results: Sequence[SymbolResult]) -> list[SymbolResult]:
    order = ("differs", "explained", "absent", "exact")
    return sorted(results, key=lambda one: (order.index(_kind(one)), one.symbol))


def _square_text(one: SymbolResult) -> str:
    side = one.official or one.trades or {}
    trades = say.count(side.get("trades") or 0, "trade")
    why = f": {', '.join(cause.value for cause in one.causes)}" if one.causes else ""
    return f"{trades}{why}" + (f" ({', '.join(one.differing)})" if one.trades and one.differing else "")


def grid(found: Reconciliation) -> None:
    """List symbols by their fields on both sides; by default those that differ."""
    differing = [one for one in found.results if one.trades is not None and not one.exact]
    groups = {_DIFFERING: differing, _ABSENT: list(found.absent), _ALL: list(found.results)}
    symbols = [one.symbol for one in found.results]
    default = next((kind for kind in (_DIFFERING, _ABSENT) if groups[kind]), _ALL)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader("Symbol by field", width="content")
        st.space("stretch")
        kind = choice(
            "Shown", list(groups), name=SHOW, default=default, said=lambda kind: f"{_WORDS[kind]} ({len(groups[kind]):,})", width=280
        )
        symbol = choice("Symbol", symbols, name=SYMBOL, default=None, placeholder="Any symbol", width=160)
    warn_of_unknown(symbols, name=SYMBOL, noun="a symbol that neither side has")
    listed = [one for one in found.results if one.symbol == symbol] if symbol else groups[kind or default]
    if not listed:
        st.caption(":material/check: None.")
        return
    frame = pd.DataFrame(
        {"Symbol": [one.symbol for one in listed], "Cause": [_why(one) for one in listed]}
        | {name.capitalize(): [_cell(one, name) for one in listed] for name in FIELDS}
    )
    marks = pd.DataFrame("", index=frame.index, columns=frame.columns)
    for row, one in enumerate(listed):  # a mark a cell
        for name in one.differing if one.trades is not None else ():
            marks.loc[row, name.capitalize()] = f"color: {theme.hexadecimal('violet' if one.causes.keys() <= EXPLAINED else 'red')}"
    st.dataframe(
        frame.style.apply(lambda _: marks, axis=None),
        key="reconcile_grid",
        hide_index=True,
        height="content" if len(listed) <= 12 else 455,  # noqa: PLR2004, rows that are shown without scrolling
        alt="Each symbol's seven fields by the trades and officially",
        column_config={
            "Symbol": st.column_config.TextColumn(width=90, pinned=True),
            "Cause": st.column_config.TextColumn(width=150),
            **{name: st.column_config.TextColumn(width=_wide(frame[name]), alignment="right") for name in map(str.capitalize, FIELDS)},
        },
    )
    st.caption(f"A field that differs reads *{_HAS[found.side]}* → *official*; prices and turnover in NPR.")


def _why(one: SymbolResult) -> str:
    return ", ".join(f"{cause.value}{f' ({trades:,})' if trades else ''}" for cause, trades in one.causes.items()) or "exact"


def _wide(cells: pd.Series) -> int:
    """Return the width in pixels that the longest cell of a column needs."""
    return 40 + 7 * int(cells.str.len().max())


def _cell(one: SymbolResult, name: str) -> str:
    trades, official = one.trades, one.official
    if trades is None or official is None:
        return _value(name, (trades or official or {}).get(name))
    if name not in one.differing:
        return _value(name, trades[name])
    return f"{_value(name, trades[name])} → {_value(name, official[name])}"


def _value(name: str, value: int | None) -> str:
    if value is None:
        return say.NOTHING
    if name in PRICES or name == "turnover":
        return f"{value // 100:,}.{value % 100:02d}"
    return f"{value:,}"


def partitions(found: Reconciliation) -> None:
    """List what the contract ids of each partition say; alone they are all that is known before the official rows are there."""
    alone = found.verdict is Verdict.NOT_POSSIBLE
    with st.expander("What the contract ids say", expanded=alone, key="reconcile_ids"):
        rows = {
            "Partition": [f"{part.partition:02d}" for part in found.partitions],
            "Trades there": [f"{part.received:,}" for part in found.partitions],
            "Last sequence": [f"{part.last:,}" for part in found.partitions],
            "Missing before it": [f"{part.missing:,}" for part in found.partitions],
        }
        st.table(rows, border="horizontal", hide_index=True, alt="Trades and holes by partition of the contract ids")
        st.caption(
            "An id is the date, a partition and a sequence from 1 without holes: what is missing before the last is certain. A lost end, "
            "or a partition that never came, shows only against the official total."
        )
        if said := of_silent(found):
            st.caption(plain(said))
