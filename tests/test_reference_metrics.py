"""Metrics equal those of other libraries: computed now where installed, and by fixed figures.

The figures were computed by seqeval 1.2.2, scoringrules 0.10.0 and properscoring 0.1, from data of
numpy's legacy generator, whose draws do not change.
"""

import numpy as np
import pytest
from sklearn.metrics import d2_pinball_score, log_loss, mean_pinball_loss

from sksequence.metrics import (
    continuous_ranked_probability_score,
    interval_coverage,
    interval_score,
    perplexity,
    pinball_loss,
    span_f1_score,
)

TAGS = ["O", "B-x", "I-x", "B-y", "I-y"]
SEEDS = range(20)
# by seed: score of tagged sequences, of samples, and of intervals
SPAN_F1 = {0: 0.6951871657754011, 1: 0.7391304347826088, 2: 0.7192118226600985}
CRPS = {0: 0.7399982880885595, 1: 0.7552037365860589, 2: 0.7714387035253256}
INTERVAL = {0: 8.324617212149663, 1: 8.069011181199379, 2: 10.633790413505155}


def tagged(seed):
    """Return true and predicted tags of sequences of different lengths."""
    random = np.random.RandomState(seed)
    lengths = random.randint(1, 9, 30)
    true = [random.choice(TAGS, n).tolist() for n in lengths]
    keep = [random.rand(n) < 0.7 for n in lengths]
    others = [random.choice(TAGS, n) for n in lengths]
    predicted = [
        np.where(same, tags, other).tolist()
        for same, tags, other in zip(keep, true, others, strict=True)
    ]
    return true, predicted


def sampled(seed):
    """Return true numbers and samples of their distributions, of shape (50, 20)."""
    random = np.random.RandomState(seed)
    return random.randn(50), 2 * random.randn(50, 20) + 0.5


def intervals(seed):
    """Return true numbers, and lower and upper ends."""
    random = np.random.RandomState(seed)
    lower = random.randn(50) - 1
    return random.randn(50), lower, lower + 3 * random.rand(50)


# --- fixed figures -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SPAN_F1)
def test_figures(seed):
    """Scores are the figures that the libraries gave."""
    assert span_f1_score(*tagged(seed)) == pytest.approx(SPAN_F1[seed])
    assert continuous_ranked_probability_score(*sampled(seed)) == pytest.approx(CRPS[seed])
    assert interval_score(*intervals(seed), level=0.8) == pytest.approx(INTERVAL[seed])


# --- libraries -----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
def test_span_f1_is_that_of_seqeval():
    """The micro-average over types of spans."""
    metrics = pytest.importorskip("seqeval.metrics")
    for seed in SEEDS:
        assert span_f1_score(*tagged(seed)) == pytest.approx(metrics.f1_score(*tagged(seed)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("library", ["scoringrules", "properscoring"])
def test_crps_is_that_of_libraries(library):
    """The mean over samples of that of an ensemble."""
    score = pytest.importorskip(library).crps_ensemble
    for seed in SEEDS:
        expected = np.mean(score(*sampled(seed)))
        assert continuous_ranked_probability_score(*sampled(seed)) == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore")
def test_interval_score_is_that_of_scoringrules():
    """Its alpha is one minus the level."""
    score = pytest.importorskip("scoringrules").interval_score
    for seed in SEEDS:
        for level in (0.5, 0.8, 0.95):
            expected = np.mean(score(*intervals(seed), 1 - level))
            found = interval_score(*intervals(seed), level=level)
            assert found == pytest.approx(expected)


def test_pinball_loss_and_perplexity_are_those_of_scikit_learn():
    """The mean over levels, and the exponential of the log loss."""
    levels = [0.1, 0.5, 0.9]
    for seed in SEEDS:
        true, samples = sampled(seed)
        quantiles = np.quantile(samples, levels, axis=1)
        each = [mean_pinball_loss(true, q, alpha=p) for p, q in zip(levels, quantiles, strict=True)]
        assert pinball_loss(true, quantiles, quantiles=levels) == pytest.approx(np.mean(each))
        middle = np.full_like(quantiles[1], np.median(true))
        gain = 1 - pinball_loss(true, quantiles[1:2], quantiles=[0.5]) / pinball_loss(
            true, middle[None], quantiles=[0.5]
        )
        assert gain == pytest.approx(d2_pinball_score(true, quantiles[1], alpha=0.5))

        random = np.random.RandomState(seed)
        chances, codes = random.dirichlet(np.ones(4), 30), np.r_[:4, random.randint(0, 4, 26)]
        likelihoods = np.log(chances[np.arange(30), codes])
        expected = np.exp(log_loss(codes, chances))
        assert perplexity([likelihoods[:10].sum(), likelihoods[10:].sum()], n_steps=[10, 20]) == (
            pytest.approx(expected)
        )


def test_coverage_is_a_count():
    """The fraction of the numbers within their intervals."""
    for seed in SEEDS:
        true, lower, upper = intervals(seed)
        n_covered = sum(a <= x <= b for x, a, b in zip(true, lower, upper, strict=True))
        assert interval_coverage(true, lower, upper) == pytest.approx(n_covered / 50)
