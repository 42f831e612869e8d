"""Paired tests, Holm's correction and intervals against textbook values and brute force."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from recbole_hail.evaluation.significance import (
    TESTS,
    holm,
    mean_interval,
    paired_bootstrap,
    paired_t,
    resampled_means,
    share_interval,
    wilcoxon,
    wilson_interval,
)

# Darwin's cross- and self-fertilised maize, eighths of an inch: T = 24 and two-sided p = 0.04126 for 15 pairs.
MAIZE = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48])


def sign_flips(differences):
    """Exact two-sided p of the signed-rank sum over all assignments of signs, with mean ranks for ties."""
    differences = np.array([d for d in differences if d != 0], dtype=float)
    sizes = np.abs(differences)
    ranks = np.array([(sizes < size).sum() + ((sizes == size).sum() + 1) / 2 for size in sizes])
    observed = abs((np.sign(differences) * ranks).sum())
    signs = np.array(list(itertools.product([-1, 1], repeat=len(differences))))
    return np.mean(np.abs(signs @ ranks) >= observed - 1e-9)


def test_wilcoxon_of_darwins_maize():
    assert wilcoxon(MAIZE)[0] == pytest.approx(0.04126, abs=1e-5)
    assert wilcoxon(MAIZE)[0] == pytest.approx(sign_flips(MAIZE))


@given(st.lists(st.integers(-20, 20).filter(bool), min_size=1, max_size=9, unique_by=abs))
def test_wilcoxon_is_the_exact_test_for_few_pairs(differences):
    assert wilcoxon(np.array(differences))[0] == pytest.approx(sign_flips(differences))


def test_wilcoxon_leaves_zero_differences_out():
    padded = np.concatenate([MAIZE, np.zeros(40)])
    assert wilcoxon(padded)[0] == wilcoxon(MAIZE)[0]
    assert wilcoxon(np.zeros(10))[0] == 1.0


def test_differences_of_rounding_alone_count_as_zero():
    rounding = (0.1 + 0.2 + 0.3) - (0.3 + 0.2 + 0.1)
    assert rounding != 0
    differences = np.concatenate([MAIZE / 10, np.full(30, rounding)])
    assert wilcoxon(differences)[0] == pytest.approx(wilcoxon(MAIZE)[0])
    assert paired_bootstrap(np.full(30, rounding), draws=100)[0] == 1.0


@pytest.mark.parametrize("name, test", [("wilcoxon", wilcoxon), ("bootstrap", paired_bootstrap)])
def test_of_these_trainings_each_generators_mean_over_seeds_is_tested(name, test):
    differences = np.stack([MAIZE + 5, MAIZE - 5])[:, :, None] + np.array([0, 30])  # [2 seeds, G, 2 metrics]
    np.testing.assert_array_equal(TESTS[name](differences), test(np.stack([MAIZE, MAIZE + 30], axis=1)))


def test_each_column_is_tested_by_itself():
    columns = np.stack([MAIZE, -MAIZE, MAIZE**3], axis=1)
    expected = [wilcoxon(column)[0] for column in columns.T]
    np.testing.assert_array_equal(wilcoxon(columns), expected)
    alone = [paired_bootstrap(column, draws=200, seed=3)[0] for column in columns.T]
    np.testing.assert_allclose(paired_bootstrap(columns, draws=200, seed=3), alone)


def test_the_bootstrap_agrees_with_all_samples_there_are():
    differences = np.array([1.0, 2.0, 4.0, -1.0, 3.0])
    centred = differences - differences.mean()
    everything = centred[np.array(list(itertools.product(range(5), repeat=5)))].mean(axis=1)
    exact = np.mean(np.abs(everything) >= differences.mean() - 1e-12)
    assert paired_bootstrap(differences, draws=100_000)[0] == pytest.approx(exact, abs=0.005)
    assert paired_bootstrap(-differences, draws=100_000)[0] == paired_bootstrap(differences, draws=100_000)[0]


def test_of_one_training_it_is_students_t_test():
    interval, p = paired_t(np.stack([MAIZE, 2.0 * MAIZE], axis=1)[None])
    expected = stats.ttest_1samp(MAIZE, 0)
    np.testing.assert_allclose(p, expected.pvalue)
    np.testing.assert_allclose(interval[0], expected.confidence_interval())
    np.testing.assert_allclose(interval[1], 2 * interval[0])
    assert TESTS["t"](MAIZE[None, :, None]).tolist() == p[:1].tolist()


def test_of_trainings_that_generators_do_not_tell_apart_it_is_the_t_test_over_trainings():
    of_trainings = np.array([0.3, -0.1, 0.4, 0.2])
    interval, p = paired_t(np.repeat(of_trainings[:, None, None], 7, axis=1))
    expected = stats.ttest_1samp(of_trainings, 0)
    np.testing.assert_allclose(p, expected.pvalue)
    np.testing.assert_allclose(interval[0], expected.confidence_interval())


def test_what_is_equal_does_not_differ_and_what_always_differs_does():
    _, p = paired_t(np.stack([np.zeros((3, 5)), np.full((3, 5), 1e-17), np.ones((3, 5))], axis=-1))
    assert p.tolist() == [1.0, 1.0, 0.0]


@pytest.mark.parametrize("trainings", [1, 3])
def test_a_single_generator_tells_nothing_of_others(trainings):
    interval, p = paired_t(np.linspace(0.5, 0.7, trainings)[:, None, None])
    assert p.tolist() == [1.0] and interval.tolist() == [[-np.inf, np.inf]]


@pytest.mark.parametrize(("trainings", "most"), [(2, 0.16), (3, 0.1), (5, 0.08)])
def test_another_training_of_the_same_system_rarely_differs(trainings, most):
    """Tests over generators alone found two trainings of one system different in one of four comparisons."""
    draw = np.random.default_rng(trainings)
    alone, together = [], []
    for _ in range(400):
        differences = draw.normal(size=(trainings, 300, 1)) + 0.2 * draw.normal(size=(trainings, 1, 1))
        together.append(paired_t(differences)[1][0] < 0.05)
        alone.append(paired_t(differences.mean(axis=0, keepdims=True))[1][0] < 0.05)
    assert np.mean(together) < most and np.mean(alone) > 0.3


def test_the_bootstrap_p_is_never_zero():
    assert paired_bootstrap(np.ones(50), draws=99)[0] == 0.01


def test_intervals_agree_with_all_samples_there_are():
    values = np.array([0.0, 1.0, 5.0, 7.0, 20.0])
    everything = values[np.array(list(itertools.product(range(5), repeat=5)))].mean(axis=1)
    low, high = mean_interval(values, draws=200_000)[0]
    assert low == pytest.approx(np.quantile(everything, 0.025), abs=0.11)
    assert high == pytest.approx(np.quantile(everything, 0.975), abs=0.11)


def test_intervals_of_many_normal_values_are_those_of_theory():
    values = np.random.default_rng(0).normal(size=(4000, 3)) * [1, 2, 3] + [0, 5, -5]
    interval = mean_interval(values, draws=4000)
    half = 1.96 * values.std(axis=0) / np.sqrt(4000)
    np.testing.assert_allclose(interval[:, 0], values.mean(axis=0) - half, atol=0.1 * half.max())
    np.testing.assert_allclose(interval[:, 1], values.mean(axis=0) + half, atol=0.1 * half.max())


def test_samples_depend_on_the_seed_alone_and_not_on_chunks(monkeypatch):
    values = np.random.default_rng(1).random((7, 2))
    whole = resampled_means(values, draws=50, seed=4)
    monkeypatch.setattr("recbole_hail.evaluation.significance._CHUNK", 20)
    np.testing.assert_allclose(resampled_means(values, draws=50, seed=4), whole)
    assert not np.allclose(resampled_means(values, draws=50, seed=5), whole)


def test_holm_by_hand():
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1; the last may not be smaller than the one before it.
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.6, 0.7]), [1.0, 1.0])
    assert len(holm([])) == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.001, 0.5))
def test_holm_rejects_as_the_step_down_procedure_does(p_values, level):
    adjusted = holm(p_values)
    rejected = set()
    for step, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[index] * (len(p_values) - step) > level:
            break
        rejected.add(index)
    assert {i for i, p in enumerate(adjusted) if p <= level} == rejected


@pytest.mark.parametrize("function", [wilcoxon, paired_bootstrap, mean_interval])
def test_nothing_to_compare_over_is_an_error(function):
    with pytest.raises(ValueError, match="no generators"):
        function(np.empty((0, 2)))


def test_intervals_shrink_with_the_square_root_of_the_rows():
    values = np.random.default_rng(0).random(6400)
    widths = [np.ptp(mean_interval(values[:rows], draws=2000)) for rows in (100, 400, 6400)]
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.2) and widths[0] / widths[2] == pytest.approx(8, rel=0.2)


def test_rows_of_one_group_are_no_independent_evidence():
    """Every row four times over: nothing is known that was not, if the copies are one generator's."""
    values = np.random.default_rng(0).random(100)
    copies, generators = np.repeat(values, 4), np.repeat(np.arange(100).astype(str), 4)
    once = mean_interval(values, groups=np.arange(100), draws=4000)
    assert once == pytest.approx(mean_interval(values, draws=4000))
    together = mean_interval(copies, groups=generators, draws=4000)
    assert np.ptp(together) == pytest.approx(np.ptp(once), rel=0.1)
    assert np.ptp(mean_interval(copies, draws=4000)) == pytest.approx(np.ptp(once) / 2, rel=0.1)


def test_where_all_miss_or_all_hit_the_interval_is_wilsons():
    """It was 0.000 [0.000, 0.000] for 0 of 37."""
    values = np.stack([np.zeros(37), np.ones(37), np.full(37, 0.2)], axis=1)
    low, high = wilson_interval(0, 37)
    np.testing.assert_allclose(mean_interval(values, draws=50), [[low, high], [1 - high, 1], [0.2, 0.2]])
    twice = mean_interval(np.repeat(values, 2, axis=0), groups=np.repeat(np.arange(37), 2), draws=50)
    np.testing.assert_allclose(twice, mean_interval(values, draws=50), err_msg="of generators, not of questions")
    differences = np.stack([np.zeros(37), np.ones(37), -np.ones(37)], axis=1)
    expected = [[-high, high], [1 - 2 * high, 1], [-1, 2 * high - 1]]
    np.testing.assert_allclose(mean_interval(differences, lowest=-1.0, draws=50), expected)


def test_groups_of_unlike_sizes_weigh_by_their_rows():
    values, groups = np.array([1.0, 1.0, 1.0, 0.0]), np.array(["a", "a", "a", "b"])
    low, high = mean_interval(values, groups=groups, draws=4000)[0]
    assert (low, high) == (0, 1)
    assert mean_interval(values, groups=groups, level=0.0, draws=4001)[0] == pytest.approx(0.75)


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_is_scipys_where_that_has_one(share):
    right, questions = share
    known = stats.binomtest(right, questions).proportion_ci(method="wilson")
    assert wilson_interval(right / questions, questions) == pytest.approx((known.low, known.high), abs=1e-12)


def test_wilsons_interval_of_shared_answers_lies_between():
    (low, _), (middle, _), (high, _) = (wilson_interval(right / 10, 10) for right in (2, 2.5, 3))
    assert low < middle < high


def test_questions_of_one_generator_are_one_observation():
    """Wilson's interval took each question for one, and was a third as wide as that over generators."""
    right = np.repeat([1.0, 0.0], 50)
    assert share_interval(right, np.arange(100)) == wilson_interval(0.5, 100)
    assert share_interval(right, np.repeat([1, 2], 50)) == (0, 1)
