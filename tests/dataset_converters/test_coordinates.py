"""What is said of columns that hold hardly any coordinates."""

import numpy as np
import pyarrow as pa
import pytest

from dataset_converters.coordinates import ROLES, Coordinates
from dataset_converters.layouts import EARTH


def notes(*batches, **named):
    coordinates = Coordinates(EARTH, named)
    for texts in batches:
        coordinates.read(dict.fromkeys(ROLES, pa.array(texts)), np.arange(len(texts)))
    return coordinates.notes()


@pytest.mark.parametrize(
    ("numbers", "said"), [(0, "no coordinates: none of 20"), (1, "hardly any coordinates: only 1")]
)
def test_hardly_any_is_a_twentieth_and_said_of_one_column(numbers, said):
    (note,) = notes(["48.1"] * numbers + ["north"] * (20 - numbers))
    assert note.startswith(said) and "'north'" in note
    assert notes(["48.1"] * 2 + ["north"] * 18) == []


def test_a_batch_of_numbers_alone_counts_too():
    assert notes(["48.1"] * 2, ["north"] * 18) == []


def test_blanks_are_told_of_where_the_columns_were_named():
    assert notes([""] * 3) == []
    assert notes([""] * 3, latitude="lat", longitude="lon") == [
        "no coordinates: latitude is blank in all 3 rows; there will be no map"
    ]
