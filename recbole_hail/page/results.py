"""The sections of the page that tell how well the model answers, which questions, and how far its peers agree."""

from recbole_hail.evaluation.estimates import Estimate
from recbole_hail.page import wording
from recbole_hail.page.charts import bars, intervals
from recbole_hail.page.groups import SHOWN, SUPPORT, GeneratorGroup, Grouping
from recbole_hail.page.markup import Markup, element, figure, paragraph, table
from recbole_hail.page.report import ProtocolResult, Report, Scorer


def protocols(report: Report) -> list[Markup]:
    """Every metric of every scorer under each protocol, the run's own first."""
    said = [
        paragraph(
            "The same test targets are ranked among different lists of elements, so numbers under different protocols "
            "cannot be compared. Rows marked as rules count past events and do not train"
            f"{'; the model is such a rule itself' if report.is_rule else ''}."
        ),
        paragraph(
            "HR@k is the share of targets among the first k of their lists. NDCG@k is the same, but targets further "
            "down count less. MRR is the mean of 1 / rank."
        ),
    ]
    for result in report.protocols:
        name = result.described["protocol"]
        if result is report.own:
            said += [element("h3", f"{name}, under which the run was tested"), *_protocol(report, result)]
        elif result.same_as:
            others = f"there are only {report.data.elements - 1:,} others to draw from"
            said.append(paragraph(f"{name}: the same as {result.same_as}, because {others}."))
        else:
            summary = element("summary", element("h3", name))
            said.append(element("details", summary, *_protocol(report, result)))
    said += [paragraph(f"{name}: not possible here. {why}") for name, why in report.impossible.items()]
    return said


def _protocol(report: Report, result: ProtocolResult) -> list[Markup]:
    described, metric = result.described, report.metrics[report.lead]
    of_scorers = list(zip(_names(report), result.marks["all"], strict=True))
    rows = [[name, *map(_cell, marks)] for name, marks in of_scorers]
    chart = intervals(
        [(name, [marks[report.lead]]) for name, marks in of_scorers],
        marks=[metric],
        title=f"{metric} under {described['protocol']}",
    )
    return [
        paragraph(f"Each target is ranked against {wording.candidates(described)}. {wording.caution(described)}"),
        *([paragraph(result.shortage)] if result.shortage else []),
        figure(chart, f"{metric} with 95 % intervals, {result.questions['all']:,} targets."),
        table(f"All targets, lists {described['hash']}; 95 % intervals in small print.", ["", *report.metrics], rows),
    ]


def repeats(report: Report) -> list[Markup]:
    """Targets that the generator has had before, against new ones."""
    kinds = [kind for kind in ("repeat", "new") if kind in report.own.marks]
    metric = report.metrics[report.lead]
    said = [
        paragraph(
            "A repeat is a target that its generator has had before the question. Repeats are easier, because a count "
            "of past events finds them; new targets show what a model has learnt beyond that."
        )
    ]
    if len(kinds) < 2:
        return [*said, paragraph(f"Here all targets are {'repeats' if kinds == ['repeat'] else 'new'}.")]
    own = [
        (name, [report.own.marks[kind][place][report.lead] for kind in kinds])
        for place, name in enumerate(_names(report))
    ]
    named = [f"{kind} ({report.own.questions[kind]:,} targets)" for kind in kinds]
    chart = intervals(own, marks=named, title=f"{metric} of repeat and new targets")
    shown = [(result, kind) for result in report.distinct for kind in kinds if kind in result.marks]
    rows = [
        [name, *(_cell(result.marks[kind][place][report.lead]) for result, kind in shown)]
        for place, name in enumerate(_names(report))
    ]
    header = ["", *(f"{result.described['protocol']}, {kind}" for result, kind in shown)]
    return [
        *said,
        figure(chart, f"{metric} of repeats and of new targets under {report.own.described['protocol']}."),
        table(f"{metric} by protocol; 95 % intervals in small print.", header, rows),
    ]


def generators(report: Report) -> list[Markup]:
    """Groups of generators that are answered best and worst."""
    rule = report.scorers[report.best_rule].name
    said = [
        paragraph(
            "A generator with a single question says next to nothing: the rank is mostly luck. Generators are "
            f"therefore grouped. Groups of at least {SUPPORT} questions are shown, with the mean reciprocal ranks of "
            f"the model and of {rule} under {report.own.described['protocol']}. Groups with many repeats are easier. A "
            "group that is answered well is one whose records are predictable, and nothing more. Among many groups "
            "some come first or last by chance: look at the intervals."
        )
    ]
    if not report.groupings:
        return [*said, paragraph(f"No two groups have {SUPPORT} questions each, so there is nothing to show.")]
    for grouping in report.groupings:
        said += [element("h3", f"By {grouping.title}"), *_grouping(grouping, rule)]
    return said


def _grouping(grouping: Grouping, rule: str) -> list[Markup]:
    best, worst = grouping.ends
    header = ["group", "model", rule, "questions", "repeats", "generators"]
    parts = [(f"Best {SHOWN} of {len(grouping.groups)}", best), (f"Worst {SHOWN} of {len(grouping.groups)}", worst)]
    if not worst:
        parts = [("All groups, best first", best)]
    said = []
    for title, groups in parts:
        chart = intervals([(each.name, [each.model, each.rule]) for each in groups], marks=["model", rule], title=title)
        said += [figure(chart, f"{title}, mean reciprocal rank."), table(f"{title}.", header, map(_row, groups))]
    if grouping.small:
        said.append(paragraph(f"Groups with fewer than {SUPPORT} questions, left out: {grouping.small:,}."))
    return said


def _row(group: GeneratorGroup) -> list:
    counts = [f"{group.questions:,}", f"{group.repeats:.0%}", f"{group.generators:,}"]
    return [group.name, _cell(group.model), _cell(group.rule), *counts]


def agreement(report: Report) -> list[Markup]:
    """How often the peers' first answers differ, and which of them is right."""
    said = [
        paragraph(
            "Peers learn from the same sequences and start from different weights. If exactly one of two is right, "
            "their answers are inconsistent: the paper's Figure 1(b) counts such answers, and its mutual exclusivity "
            "learns from them. An answer is right if no candidate scores as high as the target."
        )
    ]
    for pair in report.own.pairs[:3]:
        shares = [
            ("both right", pair.both),
            (f"only {pair.first} right", pair.only_first),
            (f"only {pair.second} right", pair.only_second),
            ("neither right", pair.neither),
        ]
        title = f"{_sentence(pair.first)} and {pair.second} under {report.own.described['protocol']}"
        said.append(figure(bars([(name, share, f"{share:.1%}") for name, share in shares], title=title), f"{title}."))
    header = ["peers", "protocol", "first answers differ", "exactly one right", "both right", "neither right"]
    rows = [row for result in report.distinct for row in _pair_rows(result)]
    return [*said, table("Shares of the test questions.", header, rows, words=2)]


def _pair_rows(result: ProtocolResult) -> list[list[str]]:
    return [
        [
            f"{pair.first}, {pair.second}",
            result.described["protocol"],
            *(f"{s:.1%}" for s in (pair.differ, pair.only_first + pair.only_second, pair.both, pair.neither)),
        ]
        for pair in result.pairs
    ]


def _names(report: Report) -> list[str]:
    return [_name(report, scorer) for scorer in report.scorers]


def _name(report: Report, scorer: Scorer) -> str:
    """`mean of the peers`, `peer 1`, `the model`, `GeneratorKNN (rule)`, `GeneratorKNN (the model)`."""
    if scorer.rule:
        return f"{scorer.name} (rule)"
    if report.is_rule:
        return f"{scorer.name} (the model)"
    return "mean of the peers" if scorer.name == "mean" else wording.of_view(scorer.name, report.views)


def _cell(mark: Estimate) -> Markup:
    return Markup(f"{mark.mean:.3f} {element('small', f'{mark.low:.3f}–{mark.high:.3f}')}")


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
