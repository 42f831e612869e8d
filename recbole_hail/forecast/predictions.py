"""What a forecast says: the most likely elements of a generator, with their probabilities."""

from dataclasses import dataclass


@dataclass(slots=True)  # not frozen: there may be very many, and a frozen one takes several times as long to make
class Prediction:
    """One of the most likely next elements."""

    element: str  # its token
    words: str  # what it is called
    slot: str  # its time slot, "" where elements have none
    probability: float
    times_before: int  # how often the history has it
    peers: tuple[float, ...]  # each peer's own probability; () for a model without peers


@dataclass(frozen=True, slots=True)
class Forecast:
    """What comes next for one generator."""

    generator: str
    words: str
    events: int  # in its whole history
    predictions: list[Prediction]  # most likely first; none where no event is known
    divergence: float | None  # Jensen-Shannon, of the peers' distributions over all elements, in bits
    first_answers: tuple[str, ...]  # what each peer finds most likely, in words
    skipped: tuple[str, ...]  # newer elements that the model does not know
