"""Model selection: grids for the searches of scikit-learn, and backtests of forecasts."""

from sksequence.model_selection._backtest import BacktestResult, backtest
from sksequence.model_selection._grids import recommended_grid, textbook_parameters
from sksequence.model_selection._selection import one_standard_error

__all__ = [
    "BacktestResult",
    "backtest",
    "one_standard_error",
    "recommended_grid",
    "textbook_parameters",
]
