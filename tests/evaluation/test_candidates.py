"""The protocols' definitions, what a draw may depend on, and what becomes of its file."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from recbole_hail.errors import DataError
from recbole_hail.evaluation.candidates import PROTOCOLS, Questions, draw, load_or_draw

DRAWN = [name for name in PROTOCOLS if name != "full"]
HOW = {"wanted": 9, "seed": 1, "phase": "test"}


def questions(targets, seen, popularity, names=None) -> Questions:
    """One question for each target; `seen` lists the elements of each generator's whole sequence."""
    count = len(targets)
    names = names or [f"g{row}" for row in range(count)]
    return Questions(
        np.arange(1, count + 1),
        np.array(targets),
        np.array(names),
        np.array([f"e{target}" for target in targets]),
        [np.unique([*elements, target]) for elements, target in zip(seen, targets, strict=True)],
        np.array(popularity),
    )


def alike(count: int, *, elements: int = 30, target: int = 7, seen=(), popularity=None) -> Questions:
    """The same question of `count` generators."""
    popularity = popularity or [0] + [1] * elements
    return questions([target] * count, [seen] * count, popularity)


def rows(sets) -> list[list[int]]:
    return [row[row > 0].tolist() for row in sets.elements]


@st.composite
def worlds(draw):
    elements = draw(st.integers(2, 15))
    any_element = st.integers(1, elements)
    seen = draw(st.lists(st.lists(any_element, max_size=20), min_size=1, max_size=4))
    targets = [draw(any_element) for _ in seen]
    popularity = [0] + [draw(st.integers(0, 3)) for _ in range(elements)]
    return questions(targets, seen, popularity)


@settings(max_examples=150, deadline=None)
@given(worlds(), st.integers(1, 20), st.integers(0, 5))
def test_each_protocol_keeps_its_definition(asked, wanted, seed):
    elements = set(range(1, len(asked.popularity)))
    for protocol in DRAWN:
        sets = draw(protocol, asked, wanted=wanted, seed=seed, phase="test")
        assert sets.elements.shape == (len(asked.targets), wanted)
        for row, found in enumerate(rows(sets)):
            target, seen = asked.targets[row], set(asked.seen[row].tolist())
            others = elements - {target}
            assert set(found) <= others
            assert sets.counts[row] == len(found)
            assert sets.elements[row, len(found) :].sum() == 0, "nothing after the first gap"
            if protocol != "paper":
                assert len(set(found)) == len(found)
            if protocol == "strict":
                assert len(found) == min(wanted, len(others))
            if protocol == "recbole":
                assert 1 <= len(found) <= min(wanted, len(others))
            if protocol == "paper":
                assert not set(found) & seen
                assert len(found) == (wanted if others - seen else 0)
            if protocol == "popular":
                popular = {element for element in others if asked.popularity[element]}
                assert set(found) <= popular and len(found) == min(wanted, len(popular))


def test_recbole_draws_with_replacement_and_counts_each_once():
    """Of 29 others, 9 draws leave 29 · (1 - (28/29)^9) different ones on average."""
    counts = draw("recbole", alike(4000), **HOW).counts
    assert counts.mean() == pytest.approx(29 * (1 - (28 / 29) ** 9), abs=0.05)
    assert counts.max() == 9 and counts.min() < 9


def test_paper_draws_with_replacement_and_counts_every_draw():
    """Of 3 unseen elements, all 9 draws stand in the list, each element a third of them."""
    lists = rows(draw("paper", alike(2000, seen=range(1, 28)), **HOW))
    drawn = Counter(element for row in lists for element in row)
    assert drawn.keys() == {28, 29, 30} and drawn.total() == 18_000
    assert stats.chisquare(list(drawn.values())).pvalue > 0.001


@pytest.mark.parametrize("protocol", ["recbole", "strict", "paper"])
def test_draws_are_uniform(protocol):
    lists = rows(draw(protocol, alike(4000), **HOW))
    drawn = Counter(element for row in lists for element in row)
    assert drawn.keys() == set(range(1, 31)) - {7}
    assert stats.chisquare(list(drawn.values())).pvalue > 0.001


def test_popular_draws_one_after_the_other_in_proportion():
    """Two of the weights 1, 2, 3 and 4, as successive draws without replacement give them."""
    weights = {1: 1, 2: 2, 3: 3, 4: 4}
    asked = alike(20_000, elements=5, target=5, popularity=[0, 1, 2, 3, 4, 50])
    found = Counter(frozenset(row) for row in rows(draw("popular", asked, wanted=2, seed=1, phase="test")))
    expected = {
        frozenset((a, b)): weights[a] / 10 * weights[b] / (10 - weights[a])
        + weights[b] / 10 * weights[a] / (10 - weights[b])
        for a in weights
        for b in weights
        if a < b
    }
    assert found.keys() == expected.keys()
    observed = [found[pair] for pair in expected]
    assert stats.chisquare(observed, [20_000 * share for share in expected.values()]).pvalue > 0.001


def test_full_is_everything_else():
    sets = draw("full", alike(3), **HOW)
    assert sets.elements is None
    assert sets.hash != draw("full", alike(4), **HOW).hash


@pytest.mark.parametrize("protocol", DRAWN)
def test_a_list_depends_on_its_own_question_alone(protocol):
    """Neither on the order of questions nor on which others there are."""
    popularity = [0, *range(30, 0, -1)]
    asked = questions([3, 9, 9, 1], [[1, 2], [4], [5], [9]], popularity, names=["u", "v", "w", "x"])
    lists = draw(protocol, asked, **HOW).elements
    turned = questions([1, 9, 9, 3], [[9], [5], [4], [1, 2]], popularity, names=["x", "w", "v", "u"])
    assert np.array_equal(draw(protocol, turned, **HOW).elements, lists[::-1])
    alone = questions([9], [[4]], popularity, names=["v"])
    assert np.array_equal(draw(protocol, alone, **HOW).elements, lists[1:2])
    assert not np.array_equal(lists[1], lists[2]), "two generators, two lists"


@pytest.mark.parametrize("protocol", DRAWN)
def test_a_question_that_is_asked_again_has_a_list_of_its_own(protocol):
    """Splits by ratio ask a generator about one target many times, always among the same elements."""
    popularity = [0, *range(30, 0, -1)]
    again = draw(protocol, questions([9, 9, 3, 9], [[4]] * 4, popularity, names=["v"] * 4), **HOW).elements
    once = draw(protocol, questions([9], [[4]], popularity, names=["v"]), **HOW).elements
    assert np.array_equal(again[0], once[0]), "the first list is that of leaving one out"
    assert len({tuple(row) for row in again[[0, 1, 3]]}) == 3


@pytest.mark.parametrize("protocol", DRAWN)
@pytest.mark.parametrize("other", [{"seed": 2}, {"phase": "valid"}])
def test_another_seed_or_phase_gives_other_lists(protocol, other):
    asked = alike(20)
    assert draw(protocol, asked, **HOW).hash != draw(protocol, asked, **{**HOW, **other}).hash


@pytest.mark.parametrize("protocol", DRAWN)
def test_the_global_random_state_is_neither_read_nor_touched(protocol):
    np.random.seed(0)
    first = draw(protocol, alike(5), **HOW)
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    assert draw(protocol, alike(5), **HOW).hash == first.hash
    assert np.array_equal(np.random.get_state()[1], before)


def test_the_fingerprint_is_made_once(tmp_path, monkeypatch):
    """It is a hash of every event of the dataset, and was made twice for each phase."""
    made, original = [], Questions.fingerprint
    monkeypatch.setattr(Questions, "fingerprint", lambda asked: made.append(1) or original(asked))
    drawn, read = (load_or_draw(tmp_path, "tiny", "strict", alike(6), **HOW) for _ in range(2))
    assert drawn.hash == read.hash and len(made) == 2
    assert draw("strict", alike(6), **HOW).hash == drawn.hash


def test_too_few_eligible_elements_end_the_draw():
    everything = range(1, 31)
    asked = questions([7, 7, 7], [everything, everything[:-1], []], [0] + [0] * 28 + [5, 0])
    assert draw("paper", asked, **HOW).counts.tolist() == [0, 9, 9]
    assert rows(draw("paper", asked, **HOW))[1] == [30] * 9
    assert rows(draw("popular", asked, **HOW)) == [[29]] * 3
    assert draw("strict", asked, **{**HOW, "wanted": 99}).counts.tolist() == [29] * 3


@pytest.mark.parametrize("protocol", DRAWN)
def test_a_kept_draw_is_reused_bit_for_bit(tmp_path, protocol, monkeypatch):
    first = load_or_draw(tmp_path / "new" / "folder", "tiny", protocol, alike(6), **HOW)
    (file,) = (tmp_path / "new" / "folder").iterdir()
    assert file.name.startswith(f"tiny-{protocol}9-test-seed1-")
    written = file.read_bytes(), file.stat().st_mtime_ns
    monkeypatch.setattr("recbole_hail.evaluation.candidates.draw", None)  # would fail if called
    again = load_or_draw(tmp_path / "new" / "folder", "tiny", protocol, alike(6), **HOW)
    assert np.array_equal(again.elements, first.elements) and again.hash == first.hash
    assert (file.read_bytes(), file.stat().st_mtime_ns) == written


def test_full_keeps_no_file(tmp_path):
    load_or_draw(tmp_path, "tiny", "full", alike(6), **HOW)
    assert not list(tmp_path.iterdir())


def test_a_draw_that_breaks_off_leaves_no_file(tmp_path, monkeypatch):
    def broken(path, **arrays):
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", broken)
    with pytest.raises(DataError, match=r"candidates_dir: .* cannot be written \(no space left\)"):
        load_or_draw(tmp_path, "tiny", "strict", alike(6), **HOW)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DataError, match=r"candidates_dir: .*file cannot be written"):
        load_or_draw(tmp_path / "file", "tiny", "strict", alike(6), **HOW)
    assert (tmp_path / "file").read_text() == "mine"


def test_other_data_or_settings_mean_another_file(tmp_path):
    for asked in (alike(6), alike(7), alike(6, seen=[3]), alike(6, popularity=[0, 2] + [1] * 29)):
        load_or_draw(tmp_path, "tiny", "strict", asked, **HOW)
    for changed in ({"seed": 2}, {"phase": "valid"}, {"wanted": 5}):
        load_or_draw(tmp_path, "tiny", "strict", alike(6), **{**HOW, **changed})
    load_or_draw(tmp_path, "tiny", "paper", alike(6), **HOW)
    assert len(list(tmp_path.iterdir())) == 8


@pytest.fixture
def file(tmp_path):
    load_or_draw(tmp_path, "tiny", "strict", alike(6), **HOW)
    return next(tmp_path.iterdir())


def refused(file, match: str) -> None:
    before = file.read_bytes()
    with pytest.raises(DataError, match=match):
        load_or_draw(file.parent, "tiny", "strict", alike(6), **HOW)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_a_file_of_other_data_is_refused_by_name_and_left(file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("other")
    load_or_draw(folder, "tiny", "strict", alike(7), **HOW)
    next(folder.iterdir()).rename(file)
    refused(file, rf"{file.name} was made for another dataset or split .*candidates_dir")


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 cut off", b"\x93NUMPY"])
def test_a_file_that_is_none_is_refused_by_name_and_left(file, content):
    file.write_bytes(content)
    refused(file, rf"{file.name} cannot be read .*remove it")


def test_a_plain_array_in_place_of_an_archive_is_refused(file):
    with open(file, "wb") as handle:
        np.save(handle, np.arange(3))
    refused(file, "cannot be read")


def test_lists_of_another_shape_are_refused(file):
    fingerprint = alike(6).fingerprint()
    np.savez_compressed(file, elements=np.zeros((5, 9), dtype=np.int32), fingerprint=fingerprint)
    refused(file, r"shape \(5, 9\), not integers of shape \(6, 9\)")


def test_a_file_damaged_anywhere_is_refused_or_gives_the_same_lists(file):
    """A damaged archive fails in zipfile, zlib, struct or numpy."""
    whole, first = file.read_bytes(), draw("strict", alike(6), **HOW).elements
    refusals = 0
    for place in range(0, len(whole), 3):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            assert np.array_equal(load_or_draw(file.parent, "tiny", "strict", alike(6), **HOW).elements, first)
        except DataError:
            refusals += 1
    for length in range(0, len(whole), 7):
        file.write_bytes(whole[:length])
        refused(file, "cannot be read")
    assert refusals > 50
