"""
Vanishing and exploding gradients made visible
==============================================

Why can a simple recurrent network not learn what happened 60 steps ago, when an LSTM whose forget
gates start open can? The gradient of the loss shrinks or grows at every step on its way back, and
the pictures show it.
"""

# %%
# The gradient at each step back in time
# --------------------------------------
#
# A network with random weights reads 60 steps of noise. We measure how much its last hidden state
# depends on each input, by the norm of the gradient. The recurrent weights of the simple network
# are scaled by a factor. Its ReLU passes about half of the units on, so that each step back changes
# the gradient by about 0.7 times this factor: it falls or grows exponentially. The LSTM has open
# forget gates here (a bias of 3), and its gradient stays within a factor of three.

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from sksequence import RNNClassifier
from sksequence.cells import LSTM
from sksequence.datasets import make_first_label
from sksequence.inspection import GradientFlowDisplay

N_STEPS, SIZE = 60, 32


def gradient_norms(layer):
    """Return the norm of the gradient of the last hidden state at each step."""
    X = torch.randn(16, N_STEPS, 8, generator=torch.Generator().manual_seed(0))
    X.requires_grad_()
    layer(X)[0][:, -1].sum().backward()
    return X.grad.norm(dim=(0, 2)).numpy()


def simple_network(factor):
    """Return a simple recurrent layer whose recurrent weights are orthogonal times a factor."""
    layer = nn.RNN(8, SIZE, nonlinearity="relu", batch_first=True)
    with torch.no_grad():
        nn.init.orthogonal_(layer.weight_hh_l0)
        layer.weight_hh_l0 *= factor
    return layer


def lstm():
    """Return an LSTM with open forget gates."""
    layer = nn.LSTM(8, SIZE, batch_first=True)
    with torch.no_grad():
        layer.bias_hh_l0[SIZE : 2 * SIZE] = 3.0
    return layer


with torch.random.fork_rng():
    torch.manual_seed(0)
    layers = {
        "simple, weights x 0.8": simple_network(0.8),
        "simple, weights x 2.5": simple_network(2.5),
        "LSTM": lstm(),
    }
norms = {name: gradient_norms(layer) for name, layer in layers.items()}
for name, norm in norms.items():
    print(f"{name:22} first step / last step: {norm[0] / norm[-1]:.1e}")

_, ax = plt.subplots(layout="constrained")
for name, norm in norms.items():
    ax.semilogy(np.arange(N_STEPS)[::-1], norm / norm[-1], label=name)
ax.set(xlabel="steps before the end", ylabel="gradient, relative to the last step")
ax.invert_xaxis()
ax.legend()
plt.show()

# %%
# What it means for learning
# --------------------------
#
# In this problem the first of 61 steps decides the label. All networks read forwards only, and
# predict from the last state. `GradientFlowDisplay` draws the gradient with respect to the state,
# rather than to the input, after one epoch. With their default parameters the cells forget the
# first step, the simple one soonest. `chrono_steps` opens the gates of an LSTM for 60 steps.

X, y = make_first_label(100, lag=60, random_state=0)
options = {"hidden_size": 32, "bidirectional": False, "pooling": "last", "random_state": 0}
cells = {
    "rnn": "rnn",
    "gru": "gru",
    "lstm": "lstm",
    "lstm with chrono_steps": LSTM(chrono_steps=60),
}
ax = plt.figure(layout="constrained").gca()
for name, cell in cells.items():
    classifier = RNNClassifier(cell, max_epochs=1, **options).fit(X, y)
    display = GradientFlowDisplay.from_estimator(classifier, X[:10], name=name, ax=ax)
    print(f"{name:22} first state / last state: {display.mean[-1] / display.mean[0]:.1e}")
plt.show()

# %%
# After thirty epochs with more sequences, the LSTM with `chrono_steps` has learnt the task, and the
# simple network guesses one of four.

X, y = make_first_label(600, lag=60, random_state=0)
X_test, y_test = make_first_label(500, lag=60, random_state=1)
trained = {
    name: RNNClassifier(cells[name], max_epochs=30, **options).fit(X, y)
    for name in ("rnn", "lstm with chrono_steps")
}
for name, classifier in trained.items():
    print(f"{name:22} accuracy {classifier.score(X_test, y_test):.2f}")

# %%
# Clipping
# --------
#
# ``gradient_norm_curve_`` has the mean norm of the gradient of all weights in each epoch, before it
# is clipped to ``max_grad_norm``: a gradient above the dotted line is scaled down to it. Clipping
# keeps one exploding gradient from destroying what was learnt, and does nothing for gradients that
# vanish. No gradient explodes here; those of the simple network are clipped to a half or a third.
# The norm of the LSTM falls as soon as the labels are learnt, because the loss is almost zero then.
# This is no vanishing gradient, which is small while the loss is high.

_, ax = plt.subplots(layout="constrained")
for name, classifier in trained.items():
    norms = classifier.gradient_norm_curve_
    print(f"{name:22} norm of the gradient, median {np.median(norms):.2g}, last {norms[-1]:.2g}")
    ax.semilogy(norms, label=name)
ax.axhline(1.0, color="grey", linestyle=":", label="max_grad_norm")
ax.set(xlabel="epoch", ylabel="mean norm of the gradient")
ax.legend()
plt.show()
