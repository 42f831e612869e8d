"""What the page says in words that do not depend on the run."""

from recbole_hail.evaluation.estimates import Estimate

USES_TITLE = "What this must not be used for"
# docs/uses.md says the same at more length.
USES = (
    "The model predicts which event will be recorded next. Predicted places are where events were recorded, not where "
    "all of them happen, and a record says nothing about who commits them.",
    "Places that are patrolled or reported more have more records. Sending more attention to where records are "
    "predicted makes more records there, and the next model learns from them.",
)
NOT_FOR = (
    "deciding about a person: whom to stop, search, suspect, hire, insure or house",
    "saying that a place or the people who live there are dangerous",
    "sending patrols by its output, or any action that is itself recorded and comes back as data",
    "comparing places by crime: rates of reporting and of policing differ between them",
)
NEITHER = "The model says neither how many events there will be nor on which day."
FOR = "Fit for: research on methods, and planning services by time of day, with people who know the place and its data."

_IN_WORDS = {
    "strict": "{drawn} distinct elements other than the target",
    "paper": "{drawn} draws with replacement from the elements that the generator never has (the authors' program)",
    "recbole": "{drawn} draws with replacement, each element counted once (RecBole's uni{drawn})",
    "popular": "{drawn} distinct elements, drawn in proportion to their frequency",
    "full": "all other elements",
}
_CAUTIONS = {
    "paper": "A repeat is the only element of its list that the generator has had before, so a count of past events "
    "finds it: numbers under this protocol are high, and rules do well.",
    "recbole": "Lists may hold fewer than {drawn} elements, so numbers are higher than under strict.",
}


def of_view(name: str, views: int) -> str:
    """What a view of a model is called: a network without peers is the model."""
    return "the model" if views == 1 and name.startswith("peer ") else name


def percent(mark: Estimate) -> str:
    """A share with the ends of its interval."""
    return f"{mark.mean:.1%} ({100 * mark.low:.1f}–{mark.high:.1%})"


def signed(value: float, digits: int = 3) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def candidates(described: dict) -> str:
    """What a target is ranked among, for a phase as records describe it."""
    return _IN_WORDS[described["protocol"]].format(drawn=described.get("drawn"))


def caution(described: dict) -> str:
    """What to know of a protocol's numbers."""
    return _CAUTIONS.get(described["protocol"], "").format(drawn=described.get("drawn"))
