"""Control: the stored face crops. What a perfect method would reach."""

from cals_models.methods.method import Method

METHOD = Method(
    name="ground_truth",
    label="Ground truth",
    position=1,
    description="the true crops: what a perfect method would reach",
)
