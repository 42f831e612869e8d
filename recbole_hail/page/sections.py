"""The sections of the page that tell of the data and the settings, and what the page begins with."""

from recbole_hail.page import wording
from recbole_hail.page.charts import bars
from recbole_hail.page.estimates import FIRST
from recbole_hail.page.markup import Markup, bullets, element, figure, paragraph, side_by_side, table, text
from recbole_hail.page.report import Report
from recbole_hail.settings import OF_THE_MACHINE


def in_short(report: Report) -> list[Markup]:
    """What the rest of the page says, in sentences."""
    own, metric = report.own, report.metrics[report.lead]
    marks, questions = own.marks["all"][report.chosen], own.questions["all"]
    said = [
        f"Asked {questions:,} times for the next event, among {wording.candidates(own.described)}, the model puts the "
        f"right one first {marks[0].mean:.1%} of the time. Its {metric}, the mean of 1 / the place of the right one (1 "
        f"is perfect), is {marks[report.lead]}.",
        *_as_forecast(report),
        _beside_the_rule(report),
    ]
    if {"repeat", "new"} <= own.marks.keys():
        old, new = (own.marks[kind][report.chosen][report.lead] for kind in ("repeat", "new"))
        share = own.questions["repeat"] / questions
        said.append(
            f"{share:.0%} of the targets are repeats, which their generator has had before. The {metric} is {old} on "
            f"repeats and {new} on new targets."
        )
    for pair in own.pairs[:1]:
        said.append(
            f"The first answers of {pair.first} and {pair.second} differ in {pair.differ:.1%} of the questions; in "
            f"{pair.only_first + pair.only_second:.1%} exactly one of them is right."
        )
    if wording.caution(own.described):
        said.append(f"{own.described['protocol']}: {wording.caution(own.described)}")
    return [bullets(said), paragraph("Intervals in brackets are 95 % bootstrap intervals over generators.")]


def _as_forecast(report: Report) -> list[str]:
    """How often a forecast is right, which chooses from all elements: less often than from a short list."""
    if report.among_all is None:
        return []
    (first, among_first), elements, said = report.among_all, report.data.elements, []
    if report.own.described["protocol"] != "full":
        said.append(f"the first answer is right {first:.1%} of the time")
    if elements > FIRST:
        said.append(f"one of the first {FIRST} is right {among_first:.1%} of the time")
    chosen_from = f"Among all {elements:,} elements, which is what a forecast chooses from, "
    return [f"{chosen_from}{', and '.join(said)}."] if said else []


def _beside_the_rule(report: Report) -> Markup:
    """Whether the model is better than the best rule, and what to take where it is worse."""
    rule, above = report.scorers[report.best_rule], report.above_rule
    beside = "other rules" if report.is_rule else "rules beside it"
    of_rule, advice = report.own.marks["all"][report.best_rule][report.lead], []
    if above.low > 0:
        verdict = "The model is better than it"
    elif above.high < 0:
        verdict = "The model is worse than it"
        given = {
            "model": report.rule_to_take,
            "dataset": report.config["dataset"],
            "candidates": report.config["candidates"],
        }
        command = " ".join(["run_recbole", *(f"--{name}={value}" for name, value in given.items() if value)])
        advice = [f" Take {rule}: ", element("code", command)]
    else:
        verdict = "The two are not clearly apart"
    apart = f"{verdict}: the difference is {_signed(above.mean)} ({_signed(above.low)} to {_signed(above.high)})."
    if above.low == above.high == 0:  # as rules of two settings may be
        apart = "The two give every target the same place."
    said = f"{rule}, the best of the {beside}, which count and do not train, has {of_rule}. {apart}"
    return Markup("".join(map(text, [said, *advice])))


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
        ("events of a generator", per_generator),
        ("test questions", f"{questions['all']:,}"),
        ("of them repeats", f"{questions.get('repeat', 0):,} ({questions.get('repeat', 0) / questions['all']:.0%})"),
        ("longer histories than the model reads", f"{report.cut:.0%}"),
    ]
    lengths = [(f"{name} events", count, f"{count:,}") for name, count in found.by_length if count]
    frequent = [(name, share, f"{share:.1%}") for name, share in found.frequent]
    return [
        paragraph(
            "A generator is what events are recorded of, such as a kind of place in a district, or a person who rates "
            "films. An element is what is recorded, such as a kind of event in a part of the day."
        ),
        _values(f"The dataset {report.config['dataset']}, validation and test events included.", counts),
        side_by_side(
            figure(bars(lengths, title="Generators by number of events"), "Generators by their number of events."),
            figure(bars(frequent, title="The most frequent elements"), "The most frequent elements, share of events."),
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
        shown = {"open": "open"} if kind in ("Model", "Training") else {}
        inner = _values(f"{kind} settings in force.", values)
        said.append(element("details", element("summary", f"{kind} settings"), inner, **shown))
    return said


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _measured(value) -> str:
    return value if isinstance(value, str) else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _shown(value) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}" if value >= 1000 else f"{value:g}"
    return "none" if value is None else str(value)


def _values(caption: str, rows: list[tuple[str, str]]) -> Markup:
    return element("div", table(caption, ("what", "value"), rows, words=2), class_="values")
