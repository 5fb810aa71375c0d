"""The methods that are compared. Naming a method's module here registers it; nothing else lists methods.

Source: Table 1 of CALS (arXiv 2305.19556): the baseline row is Wav2Lip, then Audio-to-Lip, d_av and d_vv are added one
at a time. The controls are not trained: they show which values the metrics have without any method.
"""

from typing import TypeVar

from cals_models.methods.method import Method
from cals_models.references import Choices, load

METHOD_MODULES = Choices(
    a2l="cals_models.methods.a2l:METHOD",
    a2l_dav="cals_models.methods.a2l_dav:METHOD",
    audio2head="cals_models.methods.audio2head:METHOD",
    audio2head_true_pose="cals_models.methods.audio2head_true_pose:METHOD",
    cals="cals_models.methods.cals:METHOD",
    copy_reference="cals_models.methods.copy_reference:METHOD",
    ground_truth="cals_models.methods.ground_truth:METHOD",
    synctalkface="cals_models.methods.synctalkface:METHOD",
    pc_avs="cals_models.methods.pc_avs:METHOD",
    wav2lip="cals_models.methods.wav2lip:METHOD",
)


def _registered() -> list[Method]:
    methods: list[Method] = []
    for name, reference in METHOD_MODULES.items():
        method = load(reference)
        if method.name != name:
            raise ValueError(
                f"{reference}: its name is {method.name!r}, the registry says {name!r}; give one name"
            )
        methods.append(method)
    return sorted(methods, key=lambda method: (method.position, method.name))


METHODS: dict[str, Method] = {method.name: method for method in _registered()}

TRAINED_METHODS: tuple[str, ...] = tuple(name for name, method in METHODS.items() if method.is_trained)

DEFAULT_METHODS: tuple[str, ...] = tuple(name for name, method in METHODS.items() if not method.is_optional)
"""The methods of a dataset that lists none."""

Family = TypeVar("Family", bound=Method)


def trained_method(name: str) -> Method:
    """The trained method of that name.

    Raises:
        ValueError: no such method, or a control, for which there is nothing to train.
    """
    method = METHODS.get(name)
    if method is None or not method.is_trained:
        raise ValueError(f"method {name!r} is not trained; known: {', '.join(TRAINED_METHODS)}")
    return method


def method_of(name: str, family: type[Family]) -> Family:
    """The trained method of that name, of a family whose members share their training.

    Raises:
        ValueError: no such method, or one of another family.
    """
    method = trained_method(name)
    if not isinstance(method, family):
        known = ", ".join(name for name, other in METHODS.items() if isinstance(other, family))
        raise ValueError(f"method {name!r} is none of {family.__name__}; known: {known}")
    return method
