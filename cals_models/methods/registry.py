"""The methods that are compared. Importing a method's module here registers it; nothing else lists methods.

Source: Table 1 of CALS (arXiv 2305.19556): the baseline row is Wav2Lip, then Audio-to-Lip, d_av and d_vv are added one
at a time. The controls are not trained: they show which values the metrics have without any method.
"""

from types import ModuleType

from cals_models.methods import (  # noqa: F401 (read from this module's namespace below)
    a2l,
    a2l_dav,
    cals,
    copy_reference,
    ground_truth,
    wav2lip,
)
from cals_models.methods.method import Method


def _registered() -> list[Method]:
    modules = [value for value in globals().values() if isinstance(value, ModuleType)]
    return sorted((module.METHOD for module in modules), key=lambda method: (method.position, method.name))


METHODS: dict[str, Method] = {method.name: method for method in _registered()}

TRAINED_METHODS: tuple[str, ...] = tuple(name for name, method in METHODS.items() if method.is_trained)


def trained_method(name: str) -> Method:
    """The trained method of that name.

    Raises:
        ValueError: no such method, or a control, for which there is nothing to train.
    """
    if name not in TRAINED_METHODS:
        raise ValueError(f"method {name!r} is not trained; known: {', '.join(TRAINED_METHODS)}")
    return METHODS[name]
