"""The words of the page, for those who do not train models."""

from recbole_hail.page.markup import Markup, element
from recbole_hail.page.report import Report

# Anchor, term and what it means.
WORDS = (
    (
        "generator",
        "generator",
        "What events are recorded of: a kind of place in a district, or a person who rates films.",
    ),
    ("element", "element", "What is recorded, such as a kind of event in a part of the day."),
    (
        "target",
        "question, target",
        "The model is shown the events of a generator up to one that it has not learnt from, the target, and is asked "
        "which that is.",
    ),
    (
        "parts",
        "training, validation, test",
        "A model learns from the training events. The validation events are newer and say when it has learnt enough; "
        "the test events are the newest.",
    ),
    ("repeat", "repeat, new", "A target that its generator has had before the question, or has not."),
    (
        "protocol",
        "protocol",
        "Which elements a target is ranked among. full: all others. strict: 99 others. recbole: about as many, drawn "
        "as RecBole does. paper: 99 that the generator never has. The fewer and the odder they are, the easier.",
    ),
    (
        "lists",
        "lists 5cd6…",
        "The first digits of a checksum of these elements. Equal digits mean that models had the same questions.",
    ),
    ("first", "HR@1, HR@10", "The share of questions whose target comes first, or among the first ten."),
    (
        "mrr",
        "MRR",
        "The mean of 1 / place: 1 where the target always comes first, 0.5 where it always comes second.",
    ),
    ("ndcg", "NDCG@10", "As HR@10, but a target that comes further down the ten counts less."),
    (
        "interval",
        "95 % interval",
        "How far chance may have moved a number: of 100 samples of questions, 95 have an interval that holds the true "
        "one. Where that of a difference has 0 in it, neither side can be called the better.",
    ),
    ("rule", "rule", "It counts past events and learns nothing else. What is no better is not worth its training."),
    ("pop", "Pop", "The rule that names the same elements everywhere: those that are most frequent."),
    ("frequency", "GeneratorFrequency", "The rule that names what this generator had most often."),
    ("knn", "GeneratorKNN", "The same, with what similar generators had added to what this one had."),
    ("peer", "peers", "Networks that are trained together and teach one another; their mean answers."),
)
# What the headings of sections lead to.
OF_SECTIONS = {
    "short": ("generator", "element", "repeat", "rule", "pop", "mrr", "interval"),
    "data": ("generator", "element", "repeat"),
    "curves": ("parts", "peer"),
    "protocols": ("protocol", "lists", "first", "ndcg", "mrr", "pop", "frequency", "knn"),
    "repeats": ("repeat", "protocol", "mrr"),
    "generators": ("generator", "mrr", "interval"),
    "agreement": ("peer",),
}


def glossary(report: Report) -> list[Markup]:
    """Each word that the page needs, with its meaning."""
    parts = [
        part
        for anchor, term, meaning in _words(report)
        for part in (element("dt", term, id=f"word-{anchor}"), element("dd", meaning))
    ]
    return [element("dl", *parts)]


def links(report: Report, section: str) -> list[Markup]:
    """To the words of a section."""
    found = [
        element("a", term, href=f"#word-{anchor}")
        for anchor, term, _ in _words(report)
        if anchor in OF_SECTIONS.get(section, ())
    ]
    said = [part for link in found for part in (", ", link)][1:]
    return [element("p", "Words: ", *said, class_="soft")] if found else []


def _words(report: Report) -> list[tuple[str, str, str]]:
    return [word for word in WORDS if word[0] != "peer" or report.own.pairs]
