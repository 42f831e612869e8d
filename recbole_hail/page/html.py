"""The report from its sections: one file, without scripts and without anything from elsewhere."""

from recbole_hail.page import curves, glossary, results, sections, summary, wording
from recbole_hail.page.markup import element, whole_page
from recbole_hail.page.report import Report

# Anchor and title of each section, and what fills it.
SECTIONS = (
    ("short", "In short", summary.in_short),
    ("uses", wording.USES_TITLE, sections.uses),
    ("data", "Data", sections.data),
    ("curves", "Learning curves", curves.curves),
    ("protocols", "Metrics by protocol", results.protocols),
    ("repeats", "Repeats and new targets", results.repeats),
    ("generators", "Best and worst generators", results.generators),
    ("agreement", "Agreement between peers", results.agreement),
    ("settings", "Settings", sections.settings),
    ("words", "Words", glossary.glossary),
)


def to_html(report: Report) -> str:
    """The whole page; models of one network have no section on peers."""
    shown = [section for section in SECTIONS if section[0] != "agreement" or report.own.pairs]
    title = f"{report.config['model']} on {report.config['dataset']}"
    links = [element("li", element("a", name, href=f"#{anchor}")) for anchor, name, _ in shown]
    header = element(
        "header",
        element("h1", title),
        element("p", f"Made from {report.checkpoint} by recbole-hail report.", class_="soft"),
        element("nav", element("ul", *links), aria_label="Sections"),
    )
    body = []
    for anchor, name, fill in shown:
        kind = {"class_": "warning"} if anchor == "uses" else {}
        content = element("h2", name), *glossary.links(report, anchor), *fill(report)
        body.append(element("section", *content, id=anchor, **kind))
    return whole_page(title, header, element("main", *body))
