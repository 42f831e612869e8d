"""What a forecast says: the most likely elements of a generator, or the chance of a group of them."""

from dataclasses import dataclass, field


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
    known: bool = True  # whether the dataset has it
    about: dict[str, str] = field(default_factory=dict)  # the .user file's columns; none where it is not known


@dataclass(frozen=True, slots=True)
class GroupChance:
    """How likely one generator's next event is one of a group of elements; what `Forecast` has too means the same."""

    generator: str
    words: str
    probability: float | None  # None where no event is known
    times_before: int  # how often the history has one of the group
    events: int
    skipped: tuple[str, ...]
    known: bool
    about: dict[str, str]
