"""Model selection: small parameter grids for the searches of scikit-learn."""

from sksequence.model_selection._grids import recommended_grid
from sksequence.model_selection._selection import one_standard_error

__all__ = ["one_standard_error", "recommended_grid"]
