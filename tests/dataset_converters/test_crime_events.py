"""What is noted of the events of a crime export."""

import numpy as np
import pytest

from dataset_converters.crime_events import one_time_of_day


@pytest.mark.parametrize(("newer", "advised"), [(False, "take --slot-hours 24, or a column"), (True, "take a column")])
def test_whole_days_are_advised_unless_slots_are_those_of_a_dataset(newer, advised):
    seconds = np.array([0, 86_400, 3_600])
    (note,) = one_time_of_day(seconds, 3, newer)
    assert note.startswith("2 of 3 events start at 00:00:00") and advised in note
    assert one_time_of_day(seconds, 24, newer) == one_time_of_day(seconds[1:], 3, newer) == []
