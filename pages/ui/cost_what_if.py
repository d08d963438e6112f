"""What if: two scenarios side by side, what they would cost month by month, and what makes the difference."""

from collections.abc import Sequence
from decimal import Decimal
from time import perf_counter

import streamlit as st

from engine.costs.advice import swings
from engine.costs.cheapest import Recommendation
from engine.costs.line import ZERO, Category, by_category
from engine.costs.price_book import PriceBook
from engine.costs.question import TODAY, Question
from engine.costs.scenario import staleness
from engine.costs.sensitivity import Swing
from engine.costs.what_if import Projection, Workload, answer, recommended
from engine.errors import ConsoleError
from pages.ui import cost_compute as compute
from pages.ui import cost_controls as controls
from pages.ui import cost_data, cost_lab_data, cost_saved, data, theme
from pages.ui import cost_where as where
from pages.ui import cost_words as words
from pages.ui import format as say
from pages.ui.charts import analysis
from pages.ui.charts import costs as charts
from pages.ui.cost_compared import Compared
from pages.ui.text import plain as shown

A, B = "A", "B"
_MOST_SWINGS = 8
# On a phone the sliders stand above everything that they move: what they come to goes along with them at the top of the screen.
NEAR = "cost_near"
_STYLE = f"""<style>
[data-testid="stLayoutWrapper"]:has(> .st-key-{NEAR}) {{ display: none; }}
@media (max-width: 640px) {{
  [data-testid="stLayoutWrapper"]:has(> .st-key-{NEAR}) {{ display: block; position: sticky; top: 3.5rem; z-index: 5; }}
  .st-key-{NEAR} {{ background: BACK; padding: 0.4rem 0; border-bottom: 1px solid LINE; }}
}}
</style>"""


@st.fragment
def lab(workload: Workload) -> None:
    """Draw the sliders beside what they come to; only this is drawn anew when one is moved."""
    left, right = st.columns([4, 9], gap="large")
    asked, wrong = controls.in_address()
    if wrong:
        st.warning(f"The address has values for {', '.join(wrong)} that mean nothing; they are passed over.", icon=":material/link_off:")
    try:
        book = cost_lab_data.book(asked.book)
    except ConsoleError as error:
        st.error(shown(str(error)), icon=":material/error:")
        book, asked = cost_data.prices().book, asked.model_copy(update={"book": TODAY.book})
    with left:
        near = st.container(key=NEAR)
        st.html(_STYLE.replace("BACK", theme.surface("backgroundColor")).replace("LINE", theme.surface("borderColor")))
        question = controls.turned(workload, book)
        st.button("Put all back", key="cost_put_back_now", icon=":material/undo:", on_click=controls.put_back, width="stretch")
    with right:
        try:
            began = perf_counter()
            seen = _compare(workload, question, book)
            found = recommended(workload, question, book)
            turns = swings(workload, question, book)
            took = perf_counter() - began
        except ConsoleError as error:
            st.error(shown(str(error)), icon=":material/error:")
            return
        near.markdown(f"**{_headline(seen)}**")
        _draw(seen, found)
        _tornado(seen, turns)
        _foot(seen, took)


def _compare(workload: Workload, question: Question, book: PriceBook) -> Compared:
    currency = question.currency or cost_data.prices().currency
    name = st.query_params.get(cost_saved.AGAINST)
    before = cost_lab_data.against(name).chosen_in(question)
    known = name if any(one.name == name for one in cost_lab_data.saved()) else None
    return Compared(workload, book, currency, known, answer(workload, before, book, currency), answer(workload, question, book, currency))


def _draw(seen: Compared, found: Recommendation) -> None:
    with st.container(key="cost_headline"):
        cost_saved.bar(seen.b.question, seen.against)
        st.markdown(f"#### {_headline(seen)}")
    _tiles(seen)
    _stacks(seen)
    _table(seen)
    compute.on_spot(seen.workload, seen.b.question, seen.book)
    compute.curve(seen.workload, seen.b.question, seen.book, currency=seen.currency, rate=seen.rate)
    st.subheader("Where data should lie")
    where.cheapest(seen, found)
    where.tiers(seen)


def _headline(seen: Compared) -> str:
    a, b = seen.a.total, seen.b.total
    over = say.count(seen.months, "month")
    if seen.a.question == seen.b.question:
        return f"{words.money(b, seen.currency)} over {over}, {words.money(b / seen.months, seen.currency)} a month: move a slider of B"
    return f"B: {words.money(b, seen.currency)} over {over}, {words.against(a, b, A)}" if a != b else "A and B cost the same"


def _tiles(seen: Compared) -> None:
    a, b = seen.a.total, seen.b.total
    with st.container(horizontal=True, key="cost_tiles"):
        name = f"A: {seen.against}" if seen.against else "A: as it is today"
        st.metric(
            name,
            words.money(a, seen.currency),
            f"{words.money(a / seen.months, seen.currency)} a month",
            delta_color="off",
            delta_arrow="off",
            border=True,
        )
        st.metric(
            "B: by the sliders",
            words.money(b, seen.currency),
            f"{words.money(b / seen.months, seen.currency)} a month",
            delta_color="off",
            delta_arrow="off",
            border=True,
        )
        st.metric(
            "Difference",
            words.money(b - a, seen.currency),
            words.change(a, b),
            delta_color="gray" if a == b else "green" if b < a else "red",
            delta_arrow="off",
            border=True,
        )
    last = seen.b.months[-1]
    low, middle, high = (words.size(size) for size in (last.stored_low, last.stored, last.stored_high))
    held = f"Stored in month {last.number}: {middle} on average"
    st.caption(f"{held}; 80% of what may come lies between {low} and {high}, by the trend that was measured.")


def _stacks(seen: Compared) -> None:
    top = float(max(high for one in (seen.a, seen.b) for _, high in one.band)) * 1.05 or 1.0
    sums = {A: seen.a.by_category, B: seen.b.by_category}
    seen_in = [category for category in Category if any(any(one.get(category, ())) for one in sums.values())]
    names = " \u2003".join(f":{words.COLOURS[category]}[■]\u00a0{words.NAMES[category]}" for category in seen_in)
    st.markdown(f":small[{names} \u2003- - -\u00a080%\u00a0of\u00a0the\u00a0bytes\u00a0to\u00a0come]")
    for column, (name, projection) in zip(st.columns(2), ((A, seen.a), (B, seen.b)), strict=True):
        with column:
            st.markdown(f"**{name}**, month by month")
            option = charts.ahead(sums[name], projection.band, unit=seen.currency, top=top)
            st.echarts_chart(
                option, key=f"cost_ahead_{name}", height=charts.HEIGHT, alt=f"What each month ahead would cost under {name}, by category"
            )


def _table(seen: Compared) -> None:
    """Every amount with a way into its lines: formula, inputs, source and date of the price."""
    a, b = by_category(seen.a.lines), by_category(seen.b.lines)
    st.caption("Open an amount for its formula, its inputs, and where its price is from.")
    with st.container(key="cost_lines", gap="small"):
        for category in [each for each in Category if each in a or each in b]:
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
                st.markdown(f":{words.COLOURS[category]}[■] {words.NAMES[category]}", width=150)
                for name, amounts, projection in ((A, a, seen.a), (B, b, seen.b)):
                    _amount(seen, category, name, amounts.get(category, ZERO), projection)
                st.caption(words.change(a.get(category, ZERO), b.get(category, ZERO)), width="content")


def _amount(seen: Compared, category: Category, name: str, amount: Decimal, projection: Projection) -> None:
    label = f"{name}: {words.money(amount, seen.currency)}"
    lines = [line for line in projection.lines if line.category is category]
    with st.popover(label, key=f"cost_formula_{name}_{category}", width=165, disabled=not lines):
        if lines:
            st.markdown(words.formulas(lines))


def _tornado(seen: Compared, found: Sequence[Swing]) -> None:
    rate = seen.rate
    widest = [one for one in found if one.width][:_MOST_SWINGS]
    if not widest:
        return
    total = seen.b.total
    st.subheader("What moves B's bill most")
    names = [words.INPUTS.get(one.turn.name, one.turn.name.capitalize()) for one in widest]
    low, high = ([amount * rate - total for amount in side] for side in ([one.at_low for one in widest], [one.at_high for one in widest]))
    figure = analysis.tornado(names, low, high, unit=f"{seen.currency} over {say.count(seen.months, 'month')}")
    each = (f"{name} from {words.signed(down)} to {words.signed(up)}" for name, down, up in zip(names, low, high, strict=True))
    alt = f"How far the bill goes, in {seen.currency}, when each input is turned a fifth down and up: {'; '.join(each)}"
    st.plotly_chart(figure, key="cost_tornado", height=analysis.tornado_height(len(widest)), config=dict(analysis.CONFIG), alt=alt)


def _foot(seen: Compared, took: float) -> None:
    priced = f"{seen.book.name}, version {seen.book.version}"
    st.caption(
        f"Made in {1000 * took:.0f} ms from what was measured until {say.day(seen.workload.until)}, at the prices of {shown(priced)}. "
        "It is what the work would cost in a cloud, not a bill that anybody sends. "
        "Not in it: the tiers of storage above 50 TB, and what writing old files anew under another codec costs; nothing is carried out of "
        "the cloud unless the slider says so, for nobody measures it."
    )
    compute.download(seen.b, seen.book, now=data.now())
    for warning in staleness(seen.book, seen.b.lines, seen.currency, today=data.today()):
        st.caption(f":material/history: {shown(warning[:1].upper() + warning[1:])}.")
