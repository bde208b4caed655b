"""Model selection: small parameter grids for the searches of scikit-learn."""

from sksequence.model_selection._grids import recommended_grid

__all__ = ["recommended_grid"]
