"""Saving of fitted estimators without pickle, and their export to ONNX."""

from sksequence.persistence._save_and_load import load, save
from sksequence.persistence._to_onnx import to_onnx

__all__ = ["load", "save", "to_onnx"]
