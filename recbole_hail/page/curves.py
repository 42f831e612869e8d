"""The section of the page on the training: losses and validation by step."""

from dataclasses import replace

from recbole_hail.forecast.output import counted
from recbole_hail.page import wording
from recbole_hail.page.charts import Series, lines
from recbole_hail.page.markup import Markup, figure, paragraph, side_by_side
from recbole_hail.page.report import Report
from recbole_hail.training.progress import PARTS


def curves(report: Report) -> list[Markup]:
    """Losses of every peer and the validation of every view, by step."""
    points = (report.record or {}).get("curve") or []
    if report.is_rule or not points:
        return [paragraph(_why_none(report))]
    best = (report.record or {}).get("best epoch")
    marked = next((point["step"] for point in points if point["epoch"] == best), None)
    drawn = []
    for title, found in (*_loss_lines(points), *_validation_lines(report, points), *_agreement_lines(points)):
        named = [replace(line, name=wording.of_view(line.name, report.views)) for line in found]
        chart = lines(named, title=title, x_name="steps", marked=marked)
        drawn.append(figure(chart, title))
    took = counted(round(points[-1]["seconds"]), "second")
    said = f"Losses are means over each epoch; {counted(points[-1]['step'], 'step')} took {took}."
    if report.record.get("ends with the checkpoint"):
        said += " There is no record of the run's end beside the checkpoint, so the curve ends at the checkpoint."
    elif marked is not None:
        said += " The dotted vertical line marks where the checkpoint was saved."
    if report.config["pretrain_share"]:
        said += " Pre-training comes first, with a loss of its own, so the line breaks where fine-tuning begins."
    return [paragraph(said), side_by_side(*drawn)]


def _why_none(report: Report) -> str:
    model, kept = report.config["model"], report.record
    if report.is_rule:
        return f"{model} is a rule: it counts past events and has no training, so there is no curve."
    if kept is None:
        return "There is no curve: the checkpoint holds none, and there is no record beside it."
    if "curve" not in kept:
        return "There is no curve: the record beside the checkpoint is from an earlier version, which kept none."
    if kept["curve"] is None:
        return f"There is no curve: the trainer of {model} keeps none in the record beside the checkpoint."
    return "There is no curve: no epoch was validated, so the record beside the checkpoint has no points."


def _loss_lines(points: list[dict]) -> list[tuple[str, list[Series]]]:
    """A chart for each part of the loss that is not 0 throughout, a line for each peer."""
    steps = [point["step"] for point in points]
    if "loss" in points[0]["losses"]:
        return [("Loss in training", [Series("loss", steps, [point["losses"]["loss"] for point in points])])]
    charts = []
    for part in PARTS:
        names = [name for name in points[0]["losses"] if name.endswith(f"/{part}")]
        found = [Series(name.split("/")[0], steps, [point["losses"][name] for point in points]) for name in names]
        if any(any(line.y) for line in found):
            charts.append((f"Loss in training: {part}", found))
    return charts


def _validation_lines(report: Report, points: list[dict]) -> list[tuple[str, list[Series]]]:
    validated = [point for point in points if "valid" in point]
    if not validated:
        return []
    steps = [point["step"] for point in validated]
    views = validated[0]["valid"]
    metric = report.config["valid_metric"].lower()
    if metric not in next(iter(views.values())):  # of repeats or of new targets, which curves leave out
        metric = next(iter(next(iter(views.values()))))
    found = [Series(view, steps, [point["valid"][view][metric] for point in validated]) for view in views]
    return [(f"Validation: {metric.upper()}", found)]


def _agreement_lines(points: list[dict]) -> list[tuple[str, list[Series]]]:
    """Inconsistent answers in validation, which mutual exclusivity is meant to make use of."""
    compared = [point for point in points if point.get("agreement")]
    if not compared:
        return []
    steps = [point["step"] for point in compared]
    named = {"all right": "all peers", "some right": "only some"}
    found = [Series(name, steps, [point["agreement"][key] for point in compared]) for key, name in named.items()]
    return [("Validation: share of questions that peers answer correctly", found)]
