"""One session's quality report as a page of its own: values in, HTML out; it needs no server, no network and runs no script."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from engine.quality import CHECKS
from engine.thresholds import SPECS, Thresholds
from pages.ui import format as say
from pages.ui.quality_views import AsideView, FindingView, LabelView, ReportView, ResultView
from storage.status import CheckStatus

MOST_FINDINGS = 2_000  # of one check that are written out

_SIGNS = {
    CheckStatus.PASSED: "✓",
    CheckStatus.WARNED: "!",
    CheckStatus.FAILED: "✕",
    CheckStatus.NOT_APPLICABLE: "·",
    CheckStatus.OFF: "–",  # noqa: RUF001, as on the page
}

# Nothing may be loaded and nothing may run, whatever a line of the file says.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root { color-scheme: light dark; --text: #14202b; --muted: #5a6675; --line: #cbd4dc; --back: #ffffff; --soft: #f2f5f8;
  --good: #0c7352; --warn: #a44b07; --bad: #b3102b; }
@media (prefers-color-scheme: dark) { :root { --text: #e8edf2; --muted: #a1acb6; --line: #33404d; --back: #10161d; --soft: #1a232d;
  --good: #4fe3a1; --warn: #f5a03a; --bad: #f27783; } }
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem; font: 15px/1.5 system-ui, sans-serif;
  color: var(--text); background: var(--back); }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; } h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
p { margin: .3rem 0; } .muted { color: var(--muted); } .wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13px; } caption { text-align: left; color: var(--muted); padding: .2rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
code { font: 12px/1.4 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.badge { display: inline-block; padding: .1rem .6rem; border-radius: 1rem; font-weight: 600; border: 1px solid currentColor; }
.passed { color: var(--good); } .flagged, .warned { color: var(--warn); } .blocked, .failed { color: var(--bad); }
.not_applicable, .off { color: var(--muted); }
.law { font-size: 1.05rem; background: var(--soft); padding: .7rem 1rem; border-radius: 6px; }
.simulated { border: 1px dashed var(--warn); color: var(--warn); padding: .4rem .8rem; border-radius: 6px; font-weight: 600; }
@media print { body { max-width: none; padding: 0; } h2 { break-after: avoid; } tr { break-inside: avoid; } }
"""


@dataclass(frozen=True, slots=True)
class Content:
    """Everything that the page says."""

    report: ReportView
    results: Sequence[ResultView]
    findings: Mapping[str, Sequence[FindingView]]
    aside: Sequence[AsideView]
    labels: Sequence[LabelView]
    thresholds: Thresholds
    source: str
    source_file: str
    simulated: bool


def page(content: Content) -> str:
    """Return the page; every value in it is escaped."""
    report = content.report
    title = f"Quality of the session of {say.day(report.session)}"
    body = [
        f"<h1>{escape(title)}</h1>",
        '<p class="simulated">Simulated exchange: no price here is real.</p>' if content.simulated else "",
        _head(content),
        "<h2>Where every line went</h2>",
        _law(report),
        "<h2>Checks</h2>",
        _checks(content.results),
        "<h2>Lines that were set aside</h2>",
        _aside(content.aside),
        "<h2>Findings</h2>",
        *_findings(content),
        "<h2>Thresholds</h2>",
        _thresholds(content.thresholds),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body>\n</html>\n"
    )


def _head(content: Content) -> str:
    report = content.report
    approved = f"<p>Let through by {escape(report.approved_by)}.</p>" if report.approved_by else ""
    facts = (
        f"Run {report.run_id} of pipeline {report.pipeline}, judged {say.stamp(report.reported_at)} Nepal time, by thresholds of version "
        f"{report.threshold_version}. Source {content.source}, file {content.source_file or 'unnamed'} dated {report.partition}, "
        f"sha256 {report.source_sha256}."
    )
    return (
        f'<p><span class="badge {escape(report.verdict)}">{escape(report.verdict)}</span></p>'
        f'<p>{escape(report.reason)}.</p>{approved}<p class="muted">{escape(facts)}</p>'
    )


def _law(report: ReportView) -> str:
    parts = " + ".join(f"{number:,} {name}" for name, number in report.law.items())
    holds = '<span class="passed">✓ it holds</span>' if report.holds else '<span class="failed">✕ lines are missing</span>'
    return f'<p class="law"><strong>{report.physical:,} lines</strong> = {escape(parts)} {holds}</p>'


def _checks(results: Sequence[ResultView]) -> str:
    rows = [
        [
            _Html(f'<span class="{result.status}">{_SIGNS[result.status]} {escape(result.status.replace("_", " "))}</span>'),
            result.check_id,
            CHECKS[result.check_id].summary if result.check_id in CHECKS else "",
            f"{result.failed:,}",
            f"{result.warned:,}",
            f"{result.explained:,}",
            f"{result.applicable:,}",
            say.figure(result.observed),
            say.figure(result.bound),
            _limit(result.warn_above),
            _limit(result.error_above),
            result.reason or "",
        ]
        for result in results
    ]
    names = ("Status", "Check", "Rule", "Failed", "Warned", "Explained", "Of", "Worst", "Against", "Warns above", "Fails above", "Note")
    return _table(names, rows)


def _aside(found: Sequence[AsideView]) -> str:
    if not found:
        return '<p class="muted">None.</p>'
    rows = [[f"{one.line:,}", one.symbol or "", one.checks, one.reason, _Html(f"<code>{escape(one.raw)}</code>")] for one in found]
    return _table(("Line", "Symbol", "Set aside by", "What was found", "As it came"), rows)


def _findings(content: Content) -> Iterable[str]:
    said = {(label.symbol, label.check_id): f"{label.label.replace('_', ' ')}, says {label.labelled_by}" for label in content.labels}
    names = ("Line", "Symbol", "Observed", "Against", "Score", "Explained", "Label")
    for check_id, found in content.findings.items():
        if not found:
            continue
        unit = f" (score in {CHECKS[check_id].unit})" if check_id in CHECKS else ""
        yield f"<h3>{escape(check_id + unit)}</h3>"
        rows = [
            [
                "" if one.line is None else f"{one.line:,}",
                one.symbol or "the session",
                say.figure(one.observed),
                say.figure(one.bound),
                say.figure(one.score),
                "yes" if one.explained else "",
                said.get((one.symbol, check_id), ""),
            ]
            for one in found[:MOST_FINDINGS]
        ]
        yield _table(names, rows)
        if len(found) > MOST_FINDINGS:
            yield f'<p class="muted">The first {MOST_FINDINGS:,} of {len(found):,}.</p>'


def _thresholds(thresholds: Thresholds) -> str:
    rows = [
        [
            key,
            ("off", "on")[bool(value)] if key in SPECS and SPECS[key].is_switch else f"{value:g}",
            SPECS[key].unit if key in SPECS else "",
            "" if key not in SPECS or value == SPECS[key].default else f"default {SPECS[key].default:g}",
        ]
        for key, value in thresholds.values.items()
    ]
    return _table(("Threshold", "Value", "Unit", "Changed"), rows)


class _Html(str):
    """Text that is markup already: made here, never taken from data."""

    __slots__ = ()


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{_safe(cell)}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div>'


def _safe(cell: str) -> str:
    return cell if isinstance(cell, _Html) else escape(cell)


def _limit(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
