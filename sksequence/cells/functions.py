"""Functions for the equations of a cell of one's own.

They take the inputs, states and products that `Cell.equations` receives, and record what is to be
computed; called with tensors, they compute.
"""

from sksequence._kernels import detach, exp, maximum, mean, relu, sigmoid, softplus, sqrt, tanh

__all__ = ["detach", "exp", "maximum", "mean", "relu", "sigmoid", "softplus", "sqrt", "tanh"]
