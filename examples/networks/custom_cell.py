"""
Your own cell, and your own encoder
===================================

You have an idea for a recurrent cell, or want a convolution in front of one. Do you have to write a
training loop? No: pass a class or a function as ``cell``. Scaling, batches of different lengths,
stacking, both directions, clipping, searches and pickles work as with the cells of the package.

A cell that can be written as equations of one step needs no module: :ref:`own-cells` of the user
guide shows how, and such a cell is compiled and can be streamed.
"""

# %%
# A cell of one equation
# ----------------------
#
# A cell is called like `torch.nn.GRU`: with a batch of shape (batch, steps, features) and a state,
# it returns the hidden states of all steps and the last state. This one is a leaky integrator,
# whose units forget at speeds of their own: the state h moves to the input by a fraction a.

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.model_selection import GridSearchCV
from torch import nn

from sksequence import RNNClassifier
from sksequence.datasets import load_japanese_vowels


class Leaky(nn.Module):
    """h_t = (1 - a) h_{t-1} + a tanh(W x_t + b), with one a per unit."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.project = nn.Linear(input_size, hidden_size)
        self.rate = nn.Parameter(torch.linspace(-3, 3, hidden_size))

    def forward(self, x, state=None):
        """Read the steps one after the other."""
        a = torch.sigmoid(self.rate)
        inputs = torch.tanh(self.project(x))
        h = torch.zeros_like(inputs[:, 0]) if state is None else state[0]
        states = []
        for step in inputs.unbind(1):
            h = (1 - a) * h + a * step
            states.append(h)
        return torch.stack(states, dim=1), h.unsqueeze(0)


# %%
# An encoder
# ----------
#
# A convolution over time followed by a GRU is a cell too. The convolution is padded on the left, so
# that a step does not see the future.


class ConvolutionThenGRU(nn.Module):
    """A causal convolution of five steps, and a GRU that reads its output."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.convolution = nn.Conv1d(input_size, hidden_size, kernel_size=5)
        self.gru = nn.GRU(hidden_size, hidden_size, batch_first=True)

    def forward(self, x, state=None):
        """Filter the steps, then read them."""
        padded = nn.functional.pad(x.transpose(1, 2), (4, 0))
        return self.gru(torch.relu(self.convolution(padded)).transpose(1, 2), state)


# %%
# One search over all of them
# ---------------------------

X, y = load_japanese_vowels(split="train", return_X_y=True)
X_test, y_test = load_japanese_vowels(split="test", return_X_y=True)
search = GridSearchCV(
    RNNClassifier(hidden_size=32, max_epochs=20, random_state=0),
    {"cell": ["rnn", "gru", Leaky, ConvolutionThenGRU]},
    cv=3,
).fit(X, y)
names = [getattr(cell, "__name__", cell) for cell in search.cv_results_["param_cell"]]
means = search.cv_results_["mean_test_score"]
for name, mean in zip(names, means, strict=True):
    print(f"{name:20} {mean:.3f}")

_, ax = plt.subplots(figsize=(7, 2.6), layout="constrained")
ax.plot(means[::-1], names[::-1], "o", markersize=9)
ax.grid(axis="y")
ax.margins(y=0.2)
ax.set(xlim=(0.8, 1), xlabel="accuracy, cross-validated")
plt.show()

# %%
# What the cell has learnt
# ------------------------
#
# ``module_`` is the network of the fitted estimator, an ordinary module of torch. These are the
# memories of the units of the leaky cell, in steps.

leaky = RNNClassifier(Leaky, 32, bidirectional=False, max_epochs=30, random_state=0).fit(X, y)
rates = next(p for name, p in leaky.module_.named_parameters() if name.endswith("rate"))
memory = 1 / torch.sigmoid(rates).detach().numpy()
print(f"test accuracy of the leaky cell: {leaky.score(X_test, y_test):.2f}")
print(f"its memories are {memory.min():.1f} to {memory.max():.0f} steps long")

_, ax = plt.subplots(figsize=(7, 2.6), layout="constrained")
ax.semilogy(np.sort(memory), "o")
ax.set(xlabel="unit", ylabel="memory in steps")
plt.show()
