"""ONNX graphs of fitted estimators: from padded batches to predictions.

A graph computes what an estimator predicts, from the steps of X as they were read: raw numbers, and
symbols as codes. Only this package needs the library onnx.
"""

from sksequence._onnx._predictions import classifier_model, generator_model, regressor_model

__all__ = ["classifier_model", "generator_model", "regressor_model"]
