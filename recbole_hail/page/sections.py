"""The sections of the page that tell of its uses, the data and the settings."""

from recbole_hail.page import wording
from recbole_hail.page.charts import bars
from recbole_hail.page.markup import Markup, bullets, element, figure, paragraph, side_by_side, table
from recbole_hail.page.report import Report
from recbole_hail.settings import OF_THE_MACHINE


def uses(report: Report | None = None) -> list[Markup]:
    """The same on every page."""
    return [
        *map(paragraph, wording.USES),
        paragraph("It must not be used for"),
        bullets(wording.NOT_FOR),
        paragraph(wording.FOR),
    ]


def data(report: Report) -> list[Markup]:
    found, questions = report.data, report.own.questions
    per_generator = f"{found.shortest:,} to {found.longest:,}, mean {found.mean:,.1f}, median {found.median:,.0f}"
    period = [("period", " to ".join(report.period))] if report.period else []
    counts = [
        *period,
        ("generators", f"{found.generators:,}"),
        ("elements", f"{found.elements:,}"),
        ("events", f"{found.events:,}"),
        ("events per generator", per_generator),
        ("test questions", f"{questions['all']:,}"),
        ("repeats among them", f"{questions.get('repeat', 0):,} ({questions.get('repeat', 0) / questions['all']:.0%})"),
        ("histories longer than the model reads", f"{report.cut:.0%}"),
    ]
    lengths = [(f"{name} events", count, f"{count:,}") for name, count in found.by_length if count]
    frequent = [(name, share, f"{share:.1%}") for name, share in found.frequent]
    return [
        paragraph(
            "A generator is whatever has a sequence of events, such as a kind of place in a district, or a person who "
            "rates films. An element is what is recorded, such as a kind of event in a part of the day."
        ),
        _values(f"The dataset {report.config['dataset']}, validation and test events included.", counts),
        side_by_side(
            figure(bars(lengths, title="Generators by number of events"), "Generators by their number of events."),
            figure(
                bars(frequent, title="The most frequent elements"), "The most frequent elements by share of events."
            ),
        ),
    ]


def settings(report: Report) -> list[Markup]:
    record = report.record or {}
    cost = {
        "parameters": record.get("parameters"),
        "training seconds": record.get("training seconds"),
        "steps": record.get("steps"),
        "peak memory, MiB": (record.get("peak memory MiB") or {}).get("host"),
        **(record.get("versions") or {}),
    }
    known = [(name, _measured(value)) for name, value in cost.items() if value is not None]
    kinds = report.config.parameters
    of_kind = {name: kind for kind, names in kinds.items() for name in names}
    groups = {kind: [] for kind in ("Model", *kinds)}
    for name, value in report.settings.items():
        if name not in OF_THE_MACHINE:
            groups[of_kind.get(name, "Model")].append((name, _shown(value)))
    said = [_values("What the run cost, and the versions it ran with.", known)] if known else []
    for kind, values in groups.items():
        inner = _values(f"{kind} settings in force.", values)
        said.append(element("details", element("summary", f"{kind} settings"), inner))
    return said


def _measured(value) -> str:
    return value if isinstance(value, str) else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _shown(value) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}" if value >= 1000 else f"{value:g}"
    return "none" if value is None else str(value)


def _values(caption: str, rows: list[tuple[str, str]]) -> Markup:
    return element("div", table(caption, ("what", "value"), rows, words=2), class_="values")
