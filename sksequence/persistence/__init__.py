"""Saving of fitted estimators without pickle: one file that holds no code."""

from sksequence.persistence._save_and_load import load, save

__all__ = ["load", "save"]
