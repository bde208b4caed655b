"""Laws of the losses: values of torch, scipy and scikit-learn, one per row, always finite."""

import numpy as np
import pytest
import torch
from scipy import special, stats
from sklearn.metrics import mean_pinball_loss
from torch.distributions import Normal, StudentT

from sksequence._losses import (
    LOSSES,
    gaussian_parameters,
    joint_logits,
    log_softmax,
    student_t_parameters,
)

N_ROWS, N_VALUES = 7, 3


def make_problem(name, scale=1.0):
    """Return outputs (rows, width) and targets of one loss."""
    generator = torch.Generator().manual_seed(0)
    width = N_VALUES * LOSSES[name].outputs_per_value
    outputs = scale * torch.randn(N_ROWS, width, generator=generator)
    if name == "cross_entropy":
        return outputs, torch.randint(N_VALUES, (N_ROWS,), generator=generator)
    if name == "binary_cross_entropy":
        return outputs, torch.randint(2, (N_ROWS, N_VALUES), generator=generator).float()
    targets = scale * torch.randn(N_ROWS, N_VALUES, generator=generator)
    if LOSSES[name].has_log_link:
        targets = targets.abs()
    return outputs, targets.floor() if LOSSES[name].support == "counts" else targets


@pytest.mark.parametrize("scale", [0.1, 30.0, 1e5])
def test_log_probabilities_are_those_of_scipy(scale):
    """So are those of an ensemble, whose members can be certain of different classes."""
    members = (scale * np.random.RandomState(0).randn(3, 20, 5)).astype(np.float32)
    each = special.log_softmax(members.astype(np.float64), axis=2)
    assert np.array_equal(log_softmax(members), each)
    mean = special.logsumexp(each, axis=0) - np.log(3)
    np.testing.assert_allclose(joint_logits(members), mean, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", LOSSES)
def test_loss_is_one_number_per_row(name):
    """The loss of a row does not depend on the other rows."""
    outputs, targets = make_problem(name)
    loss = LOSSES[name].function(outputs, targets)
    assert loss.shape == (N_ROWS,)
    for row in range(N_ROWS):
        alone = LOSSES[name].function(outputs[row : row + 1], targets[row : row + 1])
        torch.testing.assert_close(alone, loss[row : row + 1])


@pytest.mark.parametrize("name", LOSSES)
def test_loss_is_finite_far_out(name):
    """Outputs and targets of a thousand give finite losses and gradients in float32."""
    outputs, targets = make_problem(name, scale=1e3)
    outputs.requires_grad_()
    loss = LOSSES[name].function(outputs, targets)
    (gradient,) = torch.autograd.grad(loss.sum(), outputs)
    assert loss.isfinite().all()
    assert gradient.isfinite().all()


def test_classification_losses_by_hand():
    """Negative log-probabilities of softmax and sigmoid."""
    outputs, targets = make_problem("cross_entropy")
    expected = -outputs.log_softmax(dim=1)[torch.arange(N_ROWS), targets]
    torch.testing.assert_close(LOSSES["cross_entropy"].function(outputs, targets), expected)
    outputs, targets = make_problem("binary_cross_entropy")
    p = outputs.sigmoid()
    expected = -(targets * p.log() + (1 - targets) * (1 - p).log()).mean(dim=1)
    torch.testing.assert_close(LOSSES["binary_cross_entropy"].function(outputs, targets), expected)


def test_smoothed_labels_by_hand():
    """A fraction of each label is spread over all classes; a binary label is one of two classes."""
    outputs, targets = make_problem("cross_entropy")
    smoothed = LOSSES["cross_entropy"].function(outputs, targets, label_smoothing=0.3)
    uniform = -outputs.log_softmax(dim=1).mean(dim=1)
    torch.testing.assert_close(
        smoothed, 0.7 * LOSSES["cross_entropy"].function(outputs, targets) + 0.3 * uniform
    )
    outputs, targets = make_problem("binary_cross_entropy")
    pairs = torch.stack([torch.zeros_like(outputs), outputs], dim=2).reshape(-1, 2)
    expected = LOSSES["cross_entropy"].function(pairs, targets.long().ravel(), label_smoothing=0.3)
    smoothed = LOSSES["binary_cross_entropy"].function(outputs, targets, label_smoothing=0.3)
    torch.testing.assert_close(smoothed, expected.reshape(N_ROWS, N_VALUES).mean(dim=1))


def test_error_losses_by_hand():
    """Means over the values of a row; Huber is quadratic up to 1 and linear after."""
    outputs = torch.tensor([[0.5, -2.0]])
    targets = torch.zeros(1, 2)
    expected = {"squared_error": 2.125, "absolute_error": 1.25, "huber": (0.125 + 1.5) / 2}
    for name, value in expected.items():
        assert LOSSES[name].function(outputs, targets).item() == pytest.approx(value)


def test_quantile_is_scikit_learns_pinball_loss():
    """The mean over levels of the pinball losses of each level's values."""
    levels = (0.1, 0.5, 0.8)
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(N_ROWS, 3 * N_VALUES, generator=generator)
    targets = torch.randn(N_ROWS, N_VALUES, generator=generator)
    blocks = zip(levels, outputs.chunk(3, dim=1), strict=True)
    expected = np.mean([mean_pinball_loss(targets, block, alpha=p) for p, block in blocks])
    assert LOSSES["quantile"].function(outputs, targets, levels).mean().item() == pytest.approx(
        expected
    )
    half = LOSSES["absolute_error"].function(outputs[:, :N_VALUES], targets) / 2
    torch.testing.assert_close(LOSSES["quantile"].function(outputs[:, :N_VALUES], targets), half)


def test_gaussian_is_torchs_log_density():
    """The loss is the negative log-density of torch.distributions.Normal, summed over values."""
    outputs, targets = make_problem("gaussian")
    loc, log_scale = gaussian_parameters(outputs)
    expected = -Normal(loc, log_scale.exp()).log_prob(targets).sum(dim=1)
    torch.testing.assert_close(LOSSES["gaussian"].function(outputs, targets), expected)
    torch.testing.assert_close(log_scale, outputs[:, N_VALUES:], rtol=0.05, atol=0.05)


def test_student_t_is_torchs_log_density():
    """The loss is the negative log-density of torch.distributions.StudentT, summed over values."""
    outputs, targets = make_problem("student_t")
    loc, log_scale, df = student_t_parameters(outputs)
    expected = -StudentT(df, loc, log_scale.exp()).log_prob(targets).sum(dim=1)
    torch.testing.assert_close(LOSSES["student_t"].function(outputs, targets), expected)


def test_parameters_stay_within_their_bounds():
    """Outputs of any size give a positive finite scale, and a finite variance of a Student t."""
    far = torch.tensor([[-1e6], [1e6]]).repeat(1, 3)
    _, log_scale, df = student_t_parameters(far)
    assert log_scale.abs().max() <= 10.0
    assert df.min() > 2.0
    assert df.max() <= 1003.0
    assert student_t_parameters(torch.zeros(1, 3)).df.item() == pytest.approx(10.0)
    assert gaussian_parameters(far[:, :2]).log_scale.abs().max() <= 10.0


def test_student_t_in_float32_follows_float64():
    """The normaliser, a difference of large log-gammas, stays accurate for large df."""
    outputs, targets = make_problem("student_t")
    outputs[:, 2 * N_VALUES :] = 4.0
    single = LOSSES["student_t"].function(outputs, targets)
    double = LOSSES["student_t"].function(outputs.double(), targets.double())
    torch.testing.assert_close(single.double(), double, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["gaussian", "student_t"])
def test_density_is_scipys_distribution(name):
    """Quantiles and standard deviations of each value are those of scipy.stats."""
    outputs, _ = make_problem(name)
    density = LOSSES[name].density(outputs.numpy())
    scale = {"loc": density.loc, "scale": density.scale}
    expected = stats.norm(**scale) if density.df is None else stats.t(density.df, **scale)
    np.testing.assert_allclose(density.std(), expected.std())
    quantiles = density.quantile((0.1, 0.5, 0.9))
    assert quantiles.shape == (3, N_ROWS, N_VALUES)
    for level, of_level in zip((0.1, 0.5, 0.9), quantiles, strict=True):
        np.testing.assert_allclose(of_level, expected.ppf(level), atol=1e-12)


@pytest.mark.parametrize("name", ["gaussian", "student_t"])
def test_mixture_keeps_mean_and_variance(name):
    """The law of total variance over the networks; one network alone is its own mixture."""
    outputs, _ = make_problem(name)
    members = np.stack([outputs.numpy(), outputs.flip(0).numpy()])
    density = LOSSES[name].density(members)
    mixture = density.mixture()
    np.testing.assert_allclose(mixture.loc, density.loc.mean(axis=0))
    variance = (density.std() ** 2).mean(axis=0) + density.loc.var(axis=0)
    np.testing.assert_allclose(mixture.std() ** 2, variance)
    single = LOSSES[name].density(members[:1])
    np.testing.assert_allclose(single.mixture().std(), single.std()[0])


# --- counts and positive numbers -----------------------------------------------------------------

COUNTS = torch.tensor([[0.0, 1.0, 7.0], [30.0, 1000.0, 0.0], [12345.0, 1e6, 2.0]])
LOG_SCALES = (0.0, 2.5, -1.0)
POSITIVE = pytest.mark.parametrize("name", ["poisson", "negative_binomial", "gamma"])


def make_outputs(name, rows=3):
    """Return outputs (rows, width) of moderate size."""
    width = N_VALUES * LOSSES[name].outputs_per_value
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(1))


def scipys(name, outputs, log_scales=LOG_SCALES):
    """Return the distribution of scipy that belongs to outputs."""
    outputs = outputs.double().numpy()
    mean = np.exp(20 * np.tanh(outputs[..., :N_VALUES] / 20) + np.array(log_scales))
    if name == "poisson":
        return stats.poisson(mean)
    second = np.exp(10 * np.tanh(outputs[..., N_VALUES:] / 10))
    if name == "gamma":
        return stats.gamma(second, scale=mean / second)
    return stats.nbinom(1 / second, 1 / (1 + second * mean))


@POSITIVE
def test_losses_with_a_log_link_are_scipys(name):
    """Losses are negative log-densities, in float32 and for large counts."""
    outputs = make_outputs(name)
    targets = COUNTS + 0.5 if name == "gamma" else COUNTS
    outputs[2, :N_VALUES] += targets[2].log().clamp_min(0)  # a large count has a large mean
    expected = scipys(name, outputs)
    log_density = expected.logpdf if name == "gamma" else expected.logpmf
    loss = LOSSES[name].function(outputs, targets, LOG_SCALES)
    assert loss.dtype == torch.float32
    np.testing.assert_allclose(loss, -log_density(targets.double()).sum(axis=1), rtol=2e-5)


@POSITIVE
def test_scales_of_rows_stand_alongside_their_targets(name):
    """Logs of typical values that are the same in all rows may also be an argument."""
    outputs, targets = make_outputs(name), COUNTS + 0.0 + (name == "gamma")
    joined = torch.cat([targets, torch.tensor(LOG_SCALES).expand(3, 3)], dim=1)
    function = LOSSES[name].function
    torch.testing.assert_close(function(outputs, joined), function(outputs, targets, LOG_SCALES))


@POSITIVE
@pytest.mark.parametrize("log_scale", [-7.0, 0.0, 4.0, 15.0])
def test_densities_with_a_log_link_are_scipys(name, log_scale):
    """Quantiles, means and standard deviations are those of scipy.stats, for small and large."""
    outputs, levels = make_outputs(name), (1e-3, 0.1, 0.5, 0.9, 0.999)
    scales = np.full(N_VALUES, log_scale)
    density, expected = LOSSES[name].density(outputs.numpy(), scales), scipys(name, outputs, scales)
    np.testing.assert_allclose(density.centre, expected.mean())
    np.testing.assert_allclose(density.std(), expected.std())
    for level, quantile in zip(levels, density.quantile(levels), strict=True):
        tolerance = 1e-8 if name == "gamma" else 1e-12
        np.testing.assert_allclose(quantile, expected.ppf(level), rtol=tolerance, atol=1e-250)


@POSITIVE
def test_mixtures_with_a_log_link_keep_mean_and_variance(name):
    """The law of total variance; networks that disagree make counts more dispersed than Poisson."""
    members = np.stack([make_outputs(name).numpy(), make_outputs(name).flip(0).numpy()])
    density = LOSSES[name].density(members, np.array(LOG_SCALES))
    mixture = density.mixture()
    np.testing.assert_allclose(mixture.centre, density.mean.mean(axis=0))
    variance = (density.std() ** 2).mean(axis=0) + density.mean.var(axis=0)
    np.testing.assert_allclose(mixture.std() ** 2, variance)
    single = LOSSES[name].density(members[:1], np.array(LOG_SCALES))
    np.testing.assert_allclose(
        single.mixture().quantile((0.2, 0.8)), single.quantile((0.2, 0.8))[:, 0]
    )


@POSITIVE
def test_draws_with_a_log_link_follow_the_density(name):
    """Draws are the quantiles at their uniform numbers: those of scipy, also at the ends."""
    outputs, uniforms = make_outputs(name), torch.rand(3, N_VALUES, 2)
    scales = np.tile(np.array(LOG_SCALES), (3, 1))
    drawn = LOSSES[name].draw(outputs, uniforms, scales)
    expected = scipys(name, outputs).ppf(uniforms[..., 0].double().numpy())
    np.testing.assert_allclose(drawn, expected, rtol=1e-5)
    for end in (1e-7, 1.0):
        drawn = LOSSES[name].draw(outputs, torch.full_like(uniforms, end), scales)
        assert drawn.isfinite().all()
        assert (drawn >= 0).all() if name != "gamma" else (drawn > 0).all()


@POSITIVE
@pytest.mark.parametrize("far", [-1e6, 1e6])
def test_densities_with_a_log_link_are_finite_far_out(name, far):
    """Outputs of any size give finite means, standard deviations and quantiles."""
    density = LOSSES[name].density(np.full((1, 2, 2 * N_VALUES), far, np.float32), np.zeros(1))
    for found in (density.centre, density.std(), density.quantile((0.001, 0.999))):
        assert np.isfinite(found).all()


@pytest.mark.parametrize("middle", [0.0, 1000.0, -3000.0, 30000.0])
def test_the_likelihood_of_a_quantile_function_is_finite_far_from_zero(middle):
    """Quantiles that are rounded to the same number in float32 have the density of float64."""
    outputs = torch.linspace(-12, 3, 9).repeat(4, 1)
    outputs[:, 0] = middle
    targets = middle + torch.tensor([[-1.0], [0.0], [0.25], [30.0]])
    likelihood = LOSSES["quantile_function"].likelihood
    found = likelihood(outputs, targets)
    torch.testing.assert_close(
        found[[0, 3]].double(),
        likelihood(outputs.double(), targets.double())[[0, 3]],
        rtol=1e-2,
        atol=0.1,
    )
    assert found.isfinite().all()


# --- likelihoods ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOSSES)
def test_likelihood_is_the_loss_unless_there_is_another(name):
    """The negative log-likelihood is the loss, or a function of its own."""
    loss = LOSSES[name]
    assert loss.negative_log_likelihood is (loss.likelihood or loss.function)
    assert (loss.likelihood is not None) == (name == "quantile_function")
