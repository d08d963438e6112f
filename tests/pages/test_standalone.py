"""The report to take away: whole, readable without a server, and deaf to whatever stands in a line of the file."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from engine.quality import CHECKS
from engine.thresholds import SPECS
from pages.ui import quality_data, standalone
from pages.ui.quality_aside import content
from pages.ui.quality_views import AsideView
from tests.pages.gallery import LAST, PIPELINE

HARMLESS = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "span", "strong", "code"} | {
    "div",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
}
HOSTILE = "77,<script>document.title='broken'</script>,\"><img src=x onerror=alert(1)>,&amp;"


@pytest.fixture
def report(open_store) -> standalone.Content:
    """What the page of a session with flags and labels says."""
    open_store("labelled")
    judged = quality_data.report(PIPELINE, LAST)
    assert judged is not None
    return content(judged, quality_data.results(judged.run_id))


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_report_says_everything_about_its_session(report):
    page = standalone.page(report)

    wanted = ["Tue 3 Jun 2025", "flagged", "342 lines", "it holds", "simulated", "Simulated exchange", "2025-06-03.csv", "c" * 64]
    wanted += [*CHECKS, *SPECS, "says asha", "1 quarantined", f"Run {report.report.run_id}"]
    assert [part for part in wanted if part not in page] == []


def test_a_report_of_real_files_does_not_say_that_they_are_simulated(report):
    page = standalone.page(replace(report, simulated=False, source="files"))

    assert "no price here is real" not in page


def test_nothing_in_the_report_can_load_or_run(report):
    hostile = replace(report, aside=[AsideView(77, HOSTILE, HOSTILE, HOSTILE, HOSTILE)], source_file=HOSTILE)

    tags = Tags(standalone.page(hostile)).tags

    assert {tag for tag, _ in tags} <= HARMLESS
    assert not [name for _, attributes in tags for name in attributes if name in ("src", "href") or name.startswith("on")]
    assert "default-src 'none'" in next(str(attributes["content"]) for tag, attributes in tags if "http-equiv" in attributes)


def test_lines_are_shown_as_they_came(report):
    page = standalone.page(replace(report, aside=[AsideView(77, "A&B", HOSTILE, "price_band", "beyond")]))

    assert "&lt;script&gt;document.title=&#x27;broken&#x27;&lt;/script&gt;" in page
    assert "A&amp;B" in page
    assert "&amp;amp;" in page


def test_a_session_without_findings_has_a_report_too(report):
    page = standalone.page(replace(report, aside=[], findings={}, labels=[]))

    assert "None." in page
