"""Which generators a map draws, and what it says of those that it cannot draw."""

from types import SimpleNamespace

import numpy as np

from recbole_hail.forecast import Forecast, Prediction
from recbole_hail.forecast.history_times import Event
from recbole_hail.maps.places import newer_events, not_drawn, places_of

KNOWN = {"a%20b": 1, "c": 2, "d": 3, "e": 4, "f": 5, "g": 6}
PREDICTION = Prediction("x", "x", "", 0.5, 1, ())


def forecaster():
    """Of `a b` the elements 1, 2, 1, of `c` 2; `d` to `g` are nowhere."""
    nowhere = [np.nan] * 2
    places = np.array([nowhere, [1, 2], [3, 4], *[nowhere] * 4])
    return SimpleNamespace(
        generators=SimpleNamespace(number=KNOWN.get, token=lambda name: name, coordinates=places),
        elements=SimpleNamespace(number={"x": 1, "y": 2}.get),
        trained=SimpleNamespace(histories=lambda: (np.array([1, 2, 1, 2]), np.array([0, 0, 3, 4, 4, 4, 4, 4]))),
    )


def forecasts(*names, empty=()):
    return [Forecast(name, "", 4, [] if name in empty else [PREDICTION], None, (), ()) for name in names]


def test_places_are_the_likeliest_first_with_what_they_had_of_the_group():
    newer = [Event(2, "c", "x", "", ""), Event(3, "c", "y", "", ""), Event(4, "c", "unknown", "", "")]
    found = places_of(forecaster(), forecasts("a%20b", "c", "d"), {"a%20b": 0.1, "c": 0.2, "d": 0.9}, [1], newer)
    assert [(place.name, place.chance, place.before) for place in found] == [("c", 0.2, 1), ("a b", 0.1, 2)]
    assert found[0].coordinates.tolist() == [3, 4]


def test_what_is_not_drawn_is_told_with_the_reason_and_the_first_names():
    """9 of 64 were left out without a word."""
    of = forecaster()
    assert not_drawn(of, forecasts("a%20b", "c")) is None
    one = "1 of 2 generators is not drawn: without coordinates in the dataset's .user file (d)"
    assert not_drawn(of, forecasts("c", "d")) == one
    said = not_drawn(of, forecasts("a%20b", "c", "d", "e", "f", "g", "new", empty=("a%20b",)))
    assert said == (
        "6 of 7 generators are not drawn: 1 without an event that the model knows (a b); 4 without coordinates in the "
        "dataset's .user file (d, e, f, …); 1 not in the dataset, which has the coordinates (new)"
    )


def test_newer_events_are_counted_where_they_were_taken():
    places = places_of(forecaster(), forecasts("c"), {"c": 0.2}, [1], [])
    events = [
        Event(2, "c", "x", "1", "2024-01-31T23:00:00"),
        Event(3, "c", "y", "2024-01-02", "2024-01-02"),
        Event(4, "c", "unknown", "", "2025-01-01"),
        Event(5, "d", "x", "", "2025-01-01"),
    ]
    assert newer_events(forecaster(), places, events) == (2, "2024-01-31")
    assert newer_events(forecaster(), places, [Event(2, "c", "x", "17", "")]) == (1, None)
    assert newer_events(forecaster(), places, []) == (0, None)
