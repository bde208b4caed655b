"""An output layer that shares the embedding of the input: rows, training and pickling."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch

from sksequence._cells import CELLS
from sksequence._language import _steppers
from sksequence._language._steppers import LeanStepper, TorchStepper, make_stepper
from sksequence._net import read_together
from tests.helpers import DOCUMENTS, fit_generator

KINDS = ["doubt", "doubt", "noble", "noble"] * 5
make = partial(fit_generator, cell="lstm", max_epochs=2, tie_weights=True)


# --- laws ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("embedding_dim", [None, 16, 5])
@pytest.mark.parametrize("X", [DOCUMENTS, ["".join(DOCUMENTS)]], ids=["with ends", "without"])
@pytest.mark.parametrize("max_features", [None, 8])
def test_each_output_reads_the_vector_of_its_symbol(X, max_features, embedding_dim):
    """Logits are products with the vectors of symbols, of the boundary and of the unknown one."""
    generator = make(X, max_features=max_features, embedding_dim=embedding_dim)
    network, codec = generator.module_, generator._blueprint.codec
    ends, unknown = [codec.boundary] * (len(X) > 1), [0] * (max_features is not None)
    codes = [*generator.vocabulary_.values(), *ends, *unknown]
    states = torch.randn(7, 16, generator=torch.Generator().manual_seed(0))
    projected = states if network.head.projection is None else states @ network.head.projection.T
    assert (network.head.projection is None) == (embedding_dim == 16)
    with torch.no_grad():
        wanted = projected @ network.inputs.tables[0][codes].T
        assert torch.allclose(network.outputs(states), wanted + network.head.bias, atol=1e-5)
        assert torch.allclose(network.head_weight @ states.T, wanted.T, atol=1e-5)


@pytest.mark.parametrize("factory", [make_stepper, LeanStepper, TorchStepper])
@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_steps_equal_reading_the_whole(cell, conditional, factory):
    """All steppers give the logits of the whole sequence, also with a label."""
    generator = make(DOCUMENTS, KINDS, cell=cell, conditional=conditional, max_epochs=1)
    label, symbols = (1 if conditional else None), list(generator.vocabulary_)
    if factory is LeanStepper and not _steppers._is_plain(generator.module_, label):
        factory = make_stepper
    texts = ["to", "", "question"]
    context, *_ = generator._model._read_prompts(texts, label)
    stepper = factory(generator.module_, *read_together(generator.net_, context), label)
    for i in range(4):
        context, *_ = generator._model._read_prompts(texts, label)
        whole, _ = read_together(generator.net_, context)
        assert stepper.logits == pytest.approx(whole.numpy(), abs=2e-5)
        codes = np.array([3 * i, i, 2])
        stepper.advance(codes)
        texts = [text + symbols[code] for text, code in zip(texts, codes, strict=True)]


@pytest.mark.parametrize("embedding_dim", [16, 5])
def test_scores_do_not_depend_on_other_sequences(embedding_dim):
    """The score of a sequence does not depend on the other ones."""
    generator = make(embedding_dim=embedding_dim)
    together = generator.score_samples(DOCUMENTS[:5])
    assert np.array_equal(together, [generator.score_samples([x])[0] for x in DOCUMENTS[:5]])


def test_the_table_is_one_parameter():
    """The table is one parameter: symbols that are only targets are trained too."""
    generator = make(["ab"] * 8, max_epochs=1)
    assert not any("weight" in name and "head" in name for name in generator.module_.state_dict())
    table = generator.module_.inputs.tables[0]
    before = make(["ab"] * 8, max_epochs=1, learning_rate=1e-30).module_.inputs.tables[0]
    moved = (table != before).any(dim=1)
    assert moved[1:].all()  # both symbols, and the boundary
    assert not moved[0]


@pytest.mark.parametrize("tied", [True, False])
def test_inputs_start_with_unit_variance(tied):
    """Shared vectors are as short as weights, and scaled where they are read."""
    X = [[str(i) for i in range(500)]]
    generator = make(X, tie_weights=tied, embedding_dim=25, learning_rate=1e-30, max_epochs=1)
    inputs = generator.module_.inputs
    codes = torch.arange(1, 501)[None, :, None]
    assert inputs(None, None, codes).std().item() == pytest.approx(1.0, abs=0.03)
    assert inputs.tables[0][1:].std().item() == pytest.approx(0.2 if tied else 1.0, abs=0.03)


def test_sharing_is_off_by_default():
    """By default, the head has its own weight."""
    plain = make(tie_weights=False)
    assert "head.weight" in plain.module_.state_dict()
    assert plain._blueprint.spec.tied_codes == ()


def test_a_pattern_is_learnt():
    """A repeated pattern is predicted, without and with a label."""
    text = "to be or not to be, " * 40
    generator = make([text], hidden_size=32, max_epochs=40)
    assert generator.perplexity([text]) < 1.3
    assert generator.generate("to be", max_steps=13, top_k=1) == "to be or not to be"
    X, y = ["la la la", "do re mi"] * 10, ["hum", "scale"] * 10
    conditional = make(X, y, max_epochs=30, conditional=True)
    assert conditional.generate(label="hum", max_steps=8, top_k=1) == "la la la"[:8]
    assert conditional.predict_label(X).tolist() == y


@pytest.mark.parametrize("embedding_dim", [16, 5])
def test_pickles_continue(embedding_dim):
    """A copy has the same score, and continues training to the same bits."""
    generator = make(embedding_dim=embedding_dim).partial_fit(DOCUMENTS)
    copy = pickle.loads(pickle.dumps(generator))
    assert copy.score(DOCUMENTS) == generator.score(DOCUMENTS)
    generator.partial_fit(DOCUMENTS)
    assert copy.partial_fit(DOCUMENTS).score(DOCUMENTS) == generator.score(DOCUMENTS)
    assert copy.transform(["to"]).shape == (1, 16)
    assert len(copy.get_feature_names_out()) == 16


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("way", ["warm", "partial"])
def test_sharing_cannot_change_later(tied, way):
    """A fitted network cannot continue with another output layer."""
    generator = make(tie_weights=tied, warm_start=way == "warm")
    generator.set_params(tie_weights=not tied)
    message = f"tie_weights is now {not tied}, but the network to continue was built with {tied}"
    with pytest.raises(ValueError, match=message):
        generator.fit(DOCUMENTS) if way == "warm" else generator.partial_fit(DOCUMENTS)


def test_numeric_input_raises():
    """Numeric input has no embedding to share."""
    with pytest.raises(ValueError, match="tie_weights=True requires symbols, but X holds numbers"):
        make(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="'tie_weights' parameter of SequenceGenerator must be"):
        make(tie_weights="yes")
