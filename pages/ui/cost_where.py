"""Where data should lie: the cheapest policy with its risk, and what each class of storage would cost over how often it is read."""

from collections.abc import Sequence
from decimal import Decimal

import pyarrow as pa
import streamlit as st

from engine.costs.advice import change_of
from engine.costs.cheapest import Advice, Recommendation
from engine.costs.crossings import Crossing, TierLine, crossings, tier_lines
from engine.costs.policy import classes_by_name
from engine.costs.price_book import plain
from engine.costs.question import Question
from engine.costs.storage_classes import STANDARD, STANDARD_SPEED, break_even_bytes, payback_months, storage_classes
from engine.costs.what_if import holding
from pages.ui import cost_controls as controls
from pages.ui import cost_words as words
from pages.ui import format as say
from pages.ui.charts import analysis
from pages.ui.cost_compared import Compared
from pages.ui.text import plain as shown

_READS_AT_LEAST = 2.0  # of the axis


def cheapest(seen: Compared, found: Recommendation) -> None:
    """Say which lifecycle is the cheapest, what it saves and risks; B can take it over."""
    rate = seen.rate
    saved = words.money(found.saving * rate, seen.currency)
    over = say.count(found.months, "month")
    policy = words.with_names(found.policy.words)
    with st.container(key="cost_cheapest"):
        if found.advice is Advice.STAY:
            st.success(f"**Stay in Standard, as it is.** Nothing of {found.tried} policies is cheaper.", icon=":material/check:")
        elif found.advice is Advice.COMPACT:
            packed = words.money((found.stay - found.compact) * rate, seen.currency)
            st.success(
                f"**Stay in Standard, compact closed months first**: it saves {packed} over {over}. {_rule(found)}"
                f"The cheapest of {found.tried} policies, *{shown(policy)}*, would save {saved}: not worth its risk.",
                icon=":material/check:",
            )
        else:
            st.info(
                f"**{shown(policy[:1].upper() + policy[1:])}**: the cheapest of {found.tried} policies, "
                f"and saves {saved} over {over} against leaving all as it is.",
                icon=":material/savings:",
            )
        st.caption(_risk(seen, found))
        if found.advice is not Advice.STAY:
            st.caption("Closed months are compacted by `python -m engine lifecycle apply`; `lifecycle plan` says before what it would do.")
        if found.policy.words != seen.b.question.policy.words:
            st.button(
                "Give B this policy", key="cost_take_policy", icon=":material/arrow_forward:", on_click=_take, args=(seen.b.question, found)
            )


def _risk(seen: Compared, found: Recommendation) -> str:
    """Return what the policy risks, or of which of its classes the book does not say it."""
    classes = classes_by_name(seen.book)
    silent = [name for name in (STANDARD, *(name for _, name in found.policy.moves)) if not classes[name].reads_are_priced]
    if silent:
        names = " and ".join(words.class_name(name) for name in dict.fromkeys(silent))
        return (
            f"Its risk is not known: the price book says nothing of reads of {shown(names)}, neither what one costs nor how long it waits."
        )
    risk = found.risk
    waits = f"reads wait {plain(risk.restore_hours)} hours for a restore" if risk.restore_hours else "every read is answered at once"
    early, read = (words.money(amount * seen.rate, seen.currency) for amount in (risk.early_delete, risk.read_everything))
    return f"Its risk: {waits}; deleting all of it the day after costs {early}; one full read costs {read}."


def _rule(found: Recommendation) -> str:
    if found.by_rule is None or found.by_rule <= found.stay or not found.stay:
        return ""
    times = found.by_rule / found.stay
    return f"By the rule of thumb (IA after a month, Glacier after a year) it would cost {times:.1f} times as much as now. "


def _take(question: Question, found: Recommendation) -> None:
    controls.put(question.model_copy(update=change_of(found.policy)))


def tiers(seen: Compared) -> None:
    """Draw what is stored now in each class over how often it is read, with the crossings and the terms."""
    held = holding(seen.workload, seen.b.question)
    packed = seen.b.question.compact
    there = [one for one in held.cohorts if one.age >= 1]  # those of the past; 0 and below are yet to come
    objects = sum(one.compacted(held.target) if packed else one.objects for one in there)
    size = sum(one.size for one in there)
    rate = seen.rate
    lines = [
        type(line)(line.name, line.kept * rate, line.read * rate)
        for line in tier_lines(storage_classes(seen.book), objects, size, speed=STANDARD_SPEED)
    ]
    found = crossings(lines)
    now = float(seen.b.question.reads_new)
    until = max(_READS_AT_LEAST, *(1.4 * float(one.reads) for one in found), 1.0)
    until = max(until, 1.15 * now) if now <= 2 * until else until
    st.markdown(f"**What is stored now, in each class, over how often it is read**: {words.size(size)} in {say.count(objects, 'object')}")
    figure = analysis.tiers(lines, found, until=until, unit=seen.currency, reads=now if now <= until else None)
    told = _cheapest_over_reads(lines, found, packed=packed)
    alt = f"Cost of a month in each class of storage over full reads a month. {told}"
    st.plotly_chart(figure, key="cost_tiers", height=analysis.TIERS, config=dict(analysis.CONFIG), alt=alt)
    st.caption(told)
    _terms(seen, objects, size)


def _cheapest_over_reads(lines: Sequence[TierLine], found: Sequence[Crossing], *, packed: bool) -> str:
    if found:
        said = [
            f"from {float(one.reads):.2g} reads a month on {words.class_name(one.above)} instead of {words.class_name(one.below)}"
            for one in found
        ]
        return f"The cheapest class: {', '.join(said)}."
    best = min(lines, key=lambda line: line.kept)
    why = "" if packed else ": in small files nothing else pays, however seldom they are read"
    return f"{words.class_name(best.name)} is the cheapest at any number of reads{why}."


def _terms(seen: Compared, objects: int, size: int) -> None:
    """List what each class asks: from which size on, and after how long, moving there has paid for itself."""
    each = Decimal(size) / objects
    classes = [cls for cls in storage_classes(seen.book) if cls.name != STANDARD]
    paid = [payback_months(cls, each) for cls in classes]
    sizes = [break_even_bytes(cls) for cls in classes]
    table = {
        "Class": [words.class_name(cls.name) for cls in classes],
        "A GB a month": [words.money(cls.gb_month * seen.rate, seen.currency) for cls in classes],
        "Pays above": [say.NOTHING if found is None else words.size(found) for found in sizes],
        "Pays back after": [say.NOTHING if months is None else f"{months:.1f} months" for months in paid],
        "Billed at least": [f"{plain(cls.minimum_days)} days" if cls.minimum_days else say.NOTHING for cls in classes],
        "A read waits": [f"{plain(cls.restore_hours[STANDARD_SPEED])} h" if cls.needs_restore else say.NOTHING for cls in classes],
    }
    with st.expander("What each class asks", icon=":material/rule:", key="cost_terms"):
        st.dataframe(pa.table(table), key="cost_terms_rows", hide_index=True, height="content", alt="Terms of each class of storage")
        st.caption(
            f"Paying back is for files of {words.size(each)}, as under B. A file that is smaller than *pays above* costs more there."
        )
