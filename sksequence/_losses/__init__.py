"""Losses by name: the training loss of a row, and the likelihood, sampling and density behind it.

Outputs are (n_rows, width) as the head returns them; values are (n_rows, n_values), with one column
per column of y. A loss returns one number per row and knows neither weights nor means over rows.
"""

from sksequence._losses._counts import MAX_LOG_MEAN, NEGATIVE_BINOMIAL, POISSON
from sksequence._losses._cross_entropy import (
    BINARY_CROSS_ENTROPY,
    CROSS_ENTROPY,
    joint_logits,
    log_softmax,
)
from sksequence._losses._gamma import GAMMA
from sksequence._losses._gaussian import GAUSSIAN, gaussian_parameters
from sksequence._losses._loss import SUPPORTS, Density, Loss, Support, outside, own_loss
from sksequence._losses._point_losses import ABSOLUTE_ERROR, HUBER, SQUARED_ERROR
from sksequence._losses._quantiles import QUANTILE, QUANTILE_FUNCTION
from sksequence._losses._student_t import STUDENT_T, student_t_parameters
from sksequence._settings import LossChoice

__all__ = [
    "LOSSES",
    "MAX_LOG_MEAN",
    "SUPPORTS",
    "Density",
    "Loss",
    "Support",
    "gaussian_parameters",
    "joint_logits",
    "log_softmax",
    "loss_of",
    "outside",
    "student_t_parameters",
]

LOSSES: dict[str, Loss] = {
    "cross_entropy": CROSS_ENTROPY,
    "binary_cross_entropy": BINARY_CROSS_ENTROPY,
    "squared_error": SQUARED_ERROR,
    "absolute_error": ABSOLUTE_ERROR,
    "huber": HUBER,
    "quantile": QUANTILE,
    "quantile_function": QUANTILE_FUNCTION,
    "gaussian": GAUSSIAN,
    "student_t": STUDENT_T,
    "poisson": POISSON,
    "negative_binomial": NEGATIVE_BINOMIAL,
    "gamma": GAMMA,
}


def loss_of(choice: LossChoice) -> Loss:
    """Return a loss by its name, or that of the user's function."""
    return LOSSES[choice] if isinstance(choice, str) else own_loss(choice)
