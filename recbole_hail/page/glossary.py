"""The words of the page, for those who do not train models."""

from recbole_hail.page.markup import Markup, element
from recbole_hail.page.report import Report

# Anchor, term and what it means.
WORDS = (
    (
        "generator",
        "generator",
        "Whatever has a sequence of events: a kind of place in a district, or a person who rates films.",
    ),
    ("element", "element", "What is recorded, such as a kind of event in a part of the day."),
    (
        "target",
        "question, target",
        "The model is shown a generator's events up to one that it has not learnt from, and asked what comes next. The "
        "right answer is the target.",
    ),
    (
        "parts",
        "training, validation, test",
        "A model learns from the training events. The validation events are newer and show when it has learnt enough; "
        "the test events are the newest.",
    ),
    ("repeat", "repeat, new", "A target that its generator has had before the question, or has not."),
    (
        "protocol",
        "protocol",
        "Which elements a target is ranked against. full: all others. strict: 99 others. recbole: 99 at most, drawn "
        "as RecBole does. paper: 99 that the generator never has. Questions with fewer or odder elements are easier.",
    ),
    (
        "lists",
        "lists 5cd6…",
        "The first digits of a checksum of what targets are ranked against. Equal digits mean that models had the same "
        "questions.",
    ),
    ("first", "HR@1, HR@10", "The share of questions whose target comes first, or among the first ten."),
    (
        "mrr",
        "MRR",
        "The mean of 1 / rank: 1 if the target always comes first, 0.5 if it always comes second.",
    ),
    ("ndcg", "NDCG@10", "As HR@10, but a target that comes further down the ten counts less."),
    (
        "interval",
        "95 % interval",
        "How far chance may have moved a number: in 95 of 100 samples of questions, the interval contains the true "
        "value. If the interval of a difference contains 0, neither side can be called better.",
    ),
    ("rule", "rule", "It counts past events and learns nothing else. A model that is no better is not worth training."),
    ("pop", "Pop", "The rule that names the same elements everywhere: the most frequent ones."),
    ("frequency", "GeneratorFrequency", "The rule that names what the generator has had most often."),
    ("knn", "GeneratorKNN", "As GeneratorFrequency, but what similar generators have had counts too."),
    ("peer", "peers", "Networks that are trained together and teach one another; the model answers with their mean."),
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
