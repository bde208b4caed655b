"""Augmentation changes the batches of training at random, as the seed says, and nothing else."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence._net import Joining, Ranks
from sksequence.callbacks import Augmentation, Checkpoint
from tests.helpers import DOCUMENTS, InterruptAt

RANDOM = np.random.RandomState(0)
X = [RANDOM.randn(n, 2) for n in RANDOM.randint(6, 20, 24)]
Y = np.arange(24) % 2
STEPS = [np.where(x[:, 0] > 0, "up", "down") for x in X]
STRENGTHS = [{"jitter": 0.3}, {"scaling": 0.3}, {"slicing": 0.4}]
ALL = {"jitter": 0.1, "scaling": 0.2, "slicing": 0.3}


def classifier(strengths=None, **parameters):
    """Return a small classifier with an augmentation, or without callbacks."""
    callbacks = None if strengths is None else [Augmentation(**strengths)]
    options = {"max_epochs": 3, "random_state": 0, "callbacks": callbacks}
    return RNNClassifier("gru", 4, **options | parameters)


def batch_of(lengths, n_features=3, per_step=False):
    """Return a padded batch whose numbers tell their sequence and step."""
    lengths = torch.tensor(lengths)
    values = torch.zeros(len(lengths), int(lengths.max()), n_features)
    for i, n in enumerate(lengths.tolist()):
        values[i, :n] = 100.0 * (i + 1) + torch.arange(n)[:, None]
    codes = values[:, :, :1].long()
    targets = torch.cat([values[i, :n, :1] for i, n in enumerate(lengths.tolist())])
    targets = targets if per_step else values[:, 0, :1]
    outcome = targets, torch.ones(len(targets))
    return {"lengths": lengths, "values": values, "codes": codes}, outcome


class Spec:
    """The part of a specification that an augmentation reads."""

    def __init__(self, pooling="last", has_gaps=False, n_features=3):
        self.pooling, self.has_gaps, self.n_features = pooling, has_gaps, n_features


def augmented(batch, seed=0, spec=None, **strengths):
    """Return a changed batch."""
    generator = torch.Generator().manual_seed(seed)
    return Augmentation(**strengths).augmented(batch, spec or Spec(), generator)


# --- laws ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("y", [Y, STEPS], ids=["sequences", "steps"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_strength_zero_changes_no_bit(y, dropout):
    """A fit with strengths of 0 is the fit without the callback."""
    plain = classifier(dropout=dropout).fit(X, y)
    none = classifier({}, dropout=dropout).fit(X, y)
    assert none.loss_curve_ == plain.loss_curve_
    for one, other in zip(plain.predict_proba(X), none.predict_proba(X), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("strengths", [*STRENGTHS, ALL], ids=str)
@pytest.mark.parametrize("y", [Y, STEPS], ids=["sequences", "steps"])
def test_the_seed_determines_the_changes(strengths, y):
    """The same seed gives the same fit, another one another; the order of rows has no effect."""
    model = classifier(strengths).fit(X, y)
    again = clone(model).fit(X[::-1], y[::-1])
    assert again.loss_curve_ == model.loss_curve_ != classifier().fit(X, y).loss_curve_
    other = clone(model).set_params(random_state=1).fit(X, y)
    assert other.loss_curve_ != model.loss_curve_


def test_the_callers_generators_are_untouched():
    """The global generator of torch is as it was."""
    state = torch.get_rng_state()
    classifier(ALL).fit(X, Y)
    assert torch.equal(torch.get_rng_state(), state)


def test_predictions_and_data_are_untouched():
    """X stays as it is, and predictions are those of the weights alone."""
    before = copy.deepcopy(X)
    model = classifier({"jitter": 5.0, "slicing": 0.5}).fit(X, Y)
    proba = model.predict_proba(X)
    assert all(np.array_equal(x, old) for x, old in zip(X, before, strict=True))
    assert np.array_equal(model.predict_proba(X), proba)
    model.set_params(callbacks=None)
    assert np.array_equal(model.predict_proba(X), proba)


def test_validation_is_not_augmented():
    """The loss of held-out sequences is that of unchanged ones: with no learning it stays."""
    frozen = classifier({"jitter": 5.0}, early_stopping=True, n_iter_no_change=9)
    frozen.set_params(optimizer="sgd", learning_rate=1e-30, lr_schedule=None).fit(X, Y)
    assert len(set(frozen.validation_curve_)) == 1 < len(set(frozen.loss_curve_))


def test_training_continues_with_other_changes(tmp_path):
    """partial_fit draws anew, and a resumed fit draws what was left."""
    model = classifier({"jitter": 1.0}, optimizer="sgd", learning_rate=1e-30)
    model.partial_fit(X, Y)
    first = model.loss_curve_[-1]
    assert model.partial_fit(X, Y).loss_curve_[-1] != first

    whole = classifier(ALL).fit(X, Y)
    path = tmp_path / "fit.checkpoint"
    short = classifier(callbacks=[Augmentation(**ALL), Checkpoint(path), InterruptAt(3)])
    with pytest.raises(KeyboardInterrupt):
        short.fit(X, Y)
    rest = classifier(callbacks=[Augmentation(**ALL), Checkpoint(path)]).fit(X, Y)
    assert rest.loss_curve_ == whole.loss_curve_
    with pytest.raises(ValueError, match=r"callbacks was \[Augmentation\(jitter=0.1.*now None"):
        classifier(callbacks=[Checkpoint(path)]).fit(X, Y)


# --- batches -------------------------------------------------------------------------------------


@pytest.mark.parametrize("strengths", [*STRENGTHS, ALL], ids=str)
def test_padding_stays_blank(strengths):
    """Steps beyond the end of a sequence are 0, as the network expects."""
    batch = batch_of([4, 9, 1, 6])
    inputs, _ = augmented(batch, **strengths)
    for name in ("values", "codes"):
        for row, n in zip(inputs[name], inputs["lengths"].tolist(), strict=True):
            assert not row[n:].any()
            assert row[:n].all()
    assert torch.equal(batch[0]["values"], batch_of([4, 9, 1, 6])[0]["values"])


def test_noise_and_factors_have_their_size():
    """Noise is independent with its standard deviation; a sequence has one factor."""
    batch = batch_of([50] * 400)
    values = batch[0]["values"]
    noise = augmented(batch, jitter=0.2)[0]["values"] - values
    assert float(noise.std()) == pytest.approx(0.2, rel=0.02)
    assert abs(float(noise.mean())) < 0.01
    factors = augmented(batch, scaling=0.2)[0]["values"] / values
    assert float((factors - factors[:, :1, :1]).abs().max()) < 1e-5
    assert float(factors[:, 0, 0].std()) == pytest.approx(0.2, rel=0.1)
    assert float(factors[:, 0, 0].mean()) == pytest.approx(1.0, abs=0.04)


@pytest.mark.parametrize("pooling", ["last", None])
def test_windows_are_runs_with_their_targets(pooling):
    """A window has its fraction of consecutive steps, at any place, with the targets of steps."""
    lengths, seen, fractions = [4, 10, 1, 6], set(), []
    batch = batch_of(lengths, per_step=pooling is None)
    for seed in range(40):
        inputs, (targets, weights) = augmented(batch, seed, Spec(pooling), slicing=0.3)
        kept = inputs["lengths"].tolist()
        assert kept[1:3] == [7, 1]
        fractions.append(sum(kept) / sum(lengths))
        windows = [row[:n, 0] for row, n in zip(inputs["values"], kept, strict=True)]
        for i, (n, window) in enumerate(zip(lengths, windows, strict=True)):
            assert torch.equal(window - window[0], torch.arange(float(len(window))))
            start = int(window[0]) - 100 * (i + 1)
            assert 0 <= start <= n - len(window)
            assert torch.equal(inputs["codes"][i, : len(window), 0], window.long())
            seen.add((i, start))
        if pooling is None:
            assert torch.equal(targets[:, 0], torch.cat(windows))
            assert float(weights.sum()) == pytest.approx(sum(lengths))
        else:
            assert torch.equal(targets, batch[1][0])
    assert len([start for i, start in seen if i == 1]) == 4
    assert np.mean(fractions) == pytest.approx((0.7 * 20 + 1) / 21, abs=0.02)


def test_lengths_change_by_slicing_only():
    """Noise and factors keep lengths, symbols and missing values."""
    batch = batch_of([4, 9])
    batch[0]["values"][0, 1] = np.nan
    inputs, _ = augmented(batch, jitter=1.0, scaling=1.0)
    assert inputs["lengths"].tolist() == [4, 9]
    assert torch.equal(inputs["codes"], batch[0]["codes"])
    assert torch.equal(inputs["values"].isnan(), batch[0]["values"].isnan())


def test_times_are_not_changed():
    """Gaps between steps stay; the first step of a window has none."""
    batch = batch_of([5, 9])
    inputs, _ = augmented(batch, spec=Spec(has_gaps=True), jitter=1.0, scaling=1.0)
    assert torch.equal(inputs["values"][..., 0], batch[0]["values"][..., 0])
    assert not torch.equal(inputs["values"], batch[0]["values"])
    inputs, _ = augmented(batch, spec=Spec(has_gaps=True), slicing=0.5)
    assert inputs["values"][:, 0, 0].tolist() == [1.0, 1.0]


# --- examples ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [
        {"frame_length": 3, "frame_step": 2},
        {"tbptt_steps": 4, "bidirectional": False},
        {"n_estimators": 2},
        {"scale": "sequence"},
        {"verbose": 0, "early_stopping": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("y", [Y, STEPS], ids=["sequences", "steps"])
def test_all_kinds_of_training(parameters, y):
    """Frames, truncated backpropagation, ensembles and early stopping train on changed batches."""
    if y is STEPS and "frame_step" in parameters:
        parameters = {"bidirectional": False}  # targets of steps have no frames
    model = classifier(ALL, **parameters).fit(X, y)
    assert np.isfinite(model.loss_curve_).all()
    assert model.loss_curve_ != classifier(**parameters).fit(X, y).loss_curve_


def test_regressors_tables_and_missing_values():
    """Numbers of tables are changed, their categories are not; missing values stay missing."""
    tables = [pd.DataFrame({"v": x[:, 0], "k": np.where(x[:, 1] > 0, "on", "off")}) for x in X]
    options = {"max_epochs": 2, "callbacks": [Augmentation(**ALL)], "random_state": 0}
    model = RNNRegressor("gru", 4, **options).fit(tables, [x[-1, 0] for x in X])
    assert np.isfinite(model.predict(tables)).all()
    gaps = [np.where(RANDOM.rand(*x.shape) < 0.2, np.nan, x) for x in X]
    model = RNNClassifier("gru", 4, missing="decay", **options).fit(gaps, Y)
    assert np.isfinite(model.loss_curve_).all()


def test_symbols_are_sliced_only():
    """Windows of texts are texts; noise on symbols is an error."""
    model = classifier({"slicing": 0.2}).fit(DOCUMENTS, [0, 1] * 10)
    assert set(model.predict(DOCUMENTS)) <= {0, 1}
    with pytest.raises(ValueError, match="jitter of Augmentation has no effect, as X holds symb"):
        classifier({"jitter": 0.2}).fit(DOCUMENTS, [0, 1] * 10)


def test_repr_is_the_call():
    """The representation lists the strengths that were set."""
    assert repr(Augmentation(jitter=0.1, slicing=0.5)) == "Augmentation(jitter=0.1, slicing=0.5)"
    assert repr(Augmentation()) == "Augmentation()"


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strengths", "message"),
    [
        ({"jitter": -0.1}, "jitter=-0.1 of Augmentation must be a number of at least 0\\."),
        ({"scaling": "a"}, "scaling='a' of Augmentation must be a number"),
        ({"slicing": 1.0}, "slicing=1.0 of Augmentation must be a number of at least 0 below 1"),
    ],
    ids=range(3),
)
def test_invalid_strengths(strengths, message):
    """They are errors of fit."""
    with pytest.raises(ValueError, match=message):
        classifier(strengths).fit(X, Y)


def test_processes_agree_on_lengths():
    """Windows of processes that share a batch are an error; noise is not."""

    class Two(Joining):
        def join(self):
            ranks = Ranks()
            ranks.size = 2
            return ranks

    model = classifier().set_params(callbacks=[Augmentation(slicing=0.2), Two()])
    with pytest.raises(ValueError, match="slicing of Augmentation changes lengths that the proce"):
        model.fit(X, Y)
    model.set_params(callbacks=[Augmentation(jitter=0.2), Two()]).fit(X, Y)


def test_models_that_cannot_be_augmented():
    """Generators, and windows that a forecast continues, are not changed."""
    with pytest.raises(ValueError, match="a generator predicts its inputs"):
        SequenceGenerator(callbacks=[Augmentation(jitter=0.1)]).fit(DOCUMENTS)
    windows = RANDOM.randn(20, 12, 1).cumsum(axis=1)
    model = RNNRegressor("gru", 4, residual="last", max_epochs=1, random_state=0)
    model.set_params(callbacks=[Augmentation(slicing=0.2)])
    with pytest.raises(ValueError, match="slicing of Augmentation would cut off the last values"):
        model.fit(windows[:, :10], windows[:, 10:, 0])
