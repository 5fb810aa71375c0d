"""Control: the reference frame, unchanged. What a method must beat."""

from cals_models.methods.method import Method

METHOD = Method(
    name="copy_reference",
    label="Copied reference",
    position=2,
    description="shows the reference frame unchanged: what a method must beat",
)
