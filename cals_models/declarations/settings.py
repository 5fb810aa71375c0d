"""The base of every settings class: a value that its field does not admit never gets into an instance."""

from __future__ import annotations

from cals_models.declarations.declared import admitted, declared_fields


class Settings:
    """Base of the frozen settings dataclasses; checks each field against its declaration at construction.

    A subclass whose fields depend on each other defines ``__post_init__``, calls this one first, then raises a
    ``ValueError`` that says what would be right.
    """

    def __post_init__(self) -> None:
        """Checks the fields.

        Raises:
            ValueError: which field, what it is, and what would be right.
        """
        for name, field in declared_fields(type(self)).items():
            object.__setattr__(self, name, admitted(name, getattr(self, name), field))
