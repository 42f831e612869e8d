"""What the page begins with: how often the model is right, beside the commonest elements and beside guessing."""

from recbole.utils import ModelType

from dataset_converters.next_steps import TENTHS
from recbole_hail.evaluation.estimates import Estimate
from recbole_hail.evaluation.significance import FEW
from recbole_hail.page import wording
from recbole_hail.page.estimates import FIRST
from recbole_hail.page.markup import Markup, bullets, element, paragraph, table, text
from recbole_hail.page.report import Report
from recbole_hail.page.rules import COMMONEST
from recbole_hail.settings import leaves_one_out


def in_short(report: Report) -> list[Markup]:
    """What the rest of the page says, in a table and in sentences."""
    own, metric = report.own, report.metrics[report.lead]
    questions = own.questions["all"]
    said = [_verdict(report), *_few(report), *_as_forecast(report), *_beside_the_rule(report)]
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
        said.append(f"Protocol {own.described['protocol']}: {wording.caution(own.described)}")
    asked = (
        f"The model was asked {questions:,} times for the next event{_which(report, 'test')}. How often did it rank "
        f"the right one first, or among the first {FIRST}, against {wording.candidates(own.described)}?"
    )
    intervals = (
        "Brackets and small print hold 95 % intervals: Wilson's for shares where each generator is asked once, "
        "bootstrap over generators otherwise."
    )
    return [paragraph(asked), _shares(report), bullets(said), paragraph(intervals)]


def _which(report: Report, part: str) -> str:
    """Which of a generator's events a part asks about."""
    if not leaves_one_out(report.config):
        return ""
    both = report.config["eval_args"]["split"]["LS"] == "valid_and_test"
    return " (each generator's last but one)" if part == "validation" and both else " (each generator's last)"


def _shares(report: Report) -> Markup:
    """The model, the commonest everywhere, the best rule and guessing; and how far the first two are apart."""
    summary = report.summary
    rows = [(f"the model, {report.config['model']}", report.chosen), (_plain(report), summary.plain)]
    if report.best_rule != summary.plain:
        which = "the best other rule" if report.is_rule else "the best rule"
        by = report.metrics[report.lead]
        rows.append((f"{which} by {by}, {report.scorers[report.best_rule].name}", report.best_rule))
    cells = [[name, *map(_share, summary.shares[scorer])] for name, scorer in rows]
    cells.append(["guessing", *(f"{share:.1%}" for share in summary.guessed)])
    cells.append([f"the model minus {_plain(report)}, in points", *map(_points, summary.above_plain)])
    caption = (
        f"Share of {report.own.questions['all']:,} questions for which the first answer is right, or one of the first"
    )
    return table(f"{caption} {FIRST}.", ["", "first", f"first {FIRST}"], cells)


def _plain(report: Report) -> str:
    """What the model is compared with, in words."""
    name = report.scorers[report.summary.plain].name
    return "the commonest everywhere" if name == COMMONEST else f"the rule {name}"


def _share(mark: Estimate) -> Markup:
    share, ends = wording.percent(mark).split(" ")
    return Markup(f"{share} {element('small', ends.strip('()'))}")


def _points(mark: Estimate) -> Markup:
    mean, low, high = (wording.signed(100 * value, 1) for value in (mark.mean, mark.low, mark.high))
    return Markup(f"{mean} {element('small', f'{low} to {high}')}")


def _verdict(report: Report) -> str:
    """Whether the model is right more often than naming the commonest elements; of both columns, once if they agree."""
    other = _plain(report).replace("the commonest everywhere", "naming the commonest elements everywhere")
    alike = f"cannot be told apart with {report.own.questions['all']:,} questions"
    verdicts = [{1: "more often", -1: "less often", 0: None}[above.side] for above in report.summary.above_plain]
    if verdicts == [None, None]:
        return f"The model and {other} {alike}."
    if verdicts[0] == verdicts[1]:
        return f"The model is right {verdicts[0]} than {other}."
    first, among_first = (f"the model is right {verdict}" if verdict else f"the two {alike}" for verdict in verdicts)
    return f"Compared with {other}: in the first answer {first}; in the first {FIRST} {among_first}."


def _few(report: Report) -> list[Markup]:
    """That so few questions say little, and which split asks more."""
    questions, more = report.own.questions["all"], report.summary.of_larger_split
    if questions >= FEW:
        return []
    said = f"So few questions say little: one right answer more or less is {1 / questions:.1%} of them."
    if not leaves_one_out(report.config) or more <= questions:
        return [text(said)]
    option = element("code", f'--eval_args="{TENTHS}"')
    return [Markup(f"{text(said)} A model trained with {option} is asked {more:,}, some generators several times.")]


def _as_forecast(report: Report) -> list[str]:
    """How often a forecast is right, which chooses from all elements: less often than from a short list."""
    summary, elements = report.summary, report.data.elements
    if summary.among_all is None:
        return []
    first, among_first = summary.among_all
    said = (
        f"A forecast chooses from all {elements:,} elements. Among these, the first answer is right for "
        f"{wording.percent(first)} of the {report.own.questions['all']:,} test targets{_which(report, 'test')}"
    )
    if summary.in_validation is not None:
        said += (
            f" and for {wording.percent(summary.in_validation)} of {summary.validated:,} validation targets"
            f"{_which(report, 'validation')}"
        )
        if report.config["MODEL_TYPE"] == ModelType.SEQUENTIAL:
            said += "; the latter is the share that recbole-hail forecast reports"
        said += " (training has seen the validation targets)" * bool(report.config["train_on_valid"])
    said += "."
    if elements > FIRST and report.own.described["protocol"] != "full":
        said += f" One of the first {FIRST} is right for {wording.percent(among_first)} of the test targets."
    return [said]


def _beside_the_rule(report: Report) -> list[Markup]:
    """Whether the model is better than the best rule, and what to take where it is worse."""
    rule, above = report.scorers[report.best_rule].name, report.above_rule
    metric, own = report.metrics[report.lead], report.own.marks["all"]
    beside = "other rules" if report.is_rule else "rules"
    verdict = {0: "The two do not differ clearly", 1: "The model is better", -1: "The model is worse"}[above.side]
    ends = (wording.signed(value) for value in (above.mean, above.low, above.high))
    apart = "{verdict}: the difference is {} ({} to {}).".format(*ends, verdict=verdict)
    if above.low == above.high == 0:  # as rules of two settings may be
        apart = "The two give every target the same rank."
    said = (
        f"The {metric} (the mean of 1 / rank of the right one; 1 is perfect) is {own[report.chosen][report.lead]} for "
        f"the model and {own[report.best_rule][report.lead]} for {rule}, the best of the {beside} on this page, which "
        f"count past events and do not train. {apart}"
    )
    return [text(said), *_advice(report)]


def _advice(report: Report) -> list[Markup]:
    """What to take where a rule is better, or where no forecast can be made with the model."""
    rule, worse = report.scorers[report.best_rule].name, report.above_rule.side < 0
    is_commonest = report.config["model"] == COMMONEST
    if worse and not is_commonest and report.best_rule == report.to_take:
        return [Markup(f"Use {text(rule)} instead: {element('code', report.command)}")]
    if not is_commonest and not (worse and rule == COMMONEST):
        return []
    named = [f"{name} ({share:.1%})" for name, share in report.summary.commonest]
    said = (
        "The model names the commonest elements everywhere"
        if is_commonest
        else ("Naming the commonest elements everywhere is better")
    )
    said += f". By share of the training events these are {'; '.join(named)}. No forecast can be made in this way. "
    if report.command is None:
        return [text(f"{said}Of the models on this page that can forecast, the page's own is the best.")]
    best = report.scorers[report.to_take].name
    said += f"Of the models on this page that can forecast, {best} is the best: "
    return [Markup(f"{text(said)}{element('code', report.command)}")]
