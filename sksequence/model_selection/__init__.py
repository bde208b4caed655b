"""What is worth trying: small grids for scikit-learn's searches."""

from sksequence.model_selection._grids import recommended_grid

__all__ = ["recommended_grid"]
