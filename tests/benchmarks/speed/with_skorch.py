"""skorch on the same rows: nothing held out, gradients clipped by its callback."""

from __future__ import annotations

import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import GradientNormClipping
from torch import nn

from .loops import LastStep
from .timing import seconds
from .work import LEARNING_RATE, MAX_GRAD_NORM, Work


class SkorchEpochs:
    """Seconds per epoch of `partial_fit`, after initialisation."""

    def __init__(self, work: Work) -> None:
        torch.manual_seed(0)
        self.n_epochs = work.n_epochs
        self.data = work.data()
        self.net = NeuralNetClassifier(
            LastStep,
            module__cell=work.cell,
            module__n_features=work.n_features,
            module__hidden_size=work.hidden_size,
            criterion=nn.CrossEntropyLoss,
            optimizer=torch.optim.Adam,
            lr=LEARNING_RATE,
            max_epochs=work.n_epochs,
            batch_size=work.batch_size,
            iterator_train__shuffle=True,
            train_split=None,
            callbacks=[GradientNormClipping(MAX_GRAD_NORM)],
            verbose=0,
        )

    def __call__(self) -> float:
        """Go on for `n_epochs`."""
        return seconds(lambda: self.net.partial_fit(*self.data)) / self.n_epochs
