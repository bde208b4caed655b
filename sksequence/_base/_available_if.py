"""Methods that only some estimators have, with the reason in the error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.utils._available_if import _AvailableIfDescriptor


class _MethodIf(_AvailableIfDescriptor):
    """scikit-learn's conditional method, with the reason of its check in the error."""

    def _check(self, instance: object, owner: type) -> None:
        try:
            super()._check(instance, owner)
        except AttributeError as error:
            if not isinstance(error.__cause__, AttributeError):
                raise
            raise AttributeError(f"{error}. {error.__cause__}") from None


def available_if(check: Callable[[Any], bool]) -> Callable[[Callable[..., object]], Any]:
    """Make a method available if `check` returns True; its AttributeError gives the reason."""
    return lambda method: _MethodIf(method, check, attribute_name=method.__name__)
