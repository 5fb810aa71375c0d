"""CSIM as tables print it: whether the generated face is still that of the person; `assets.metrics.identity` measures it.

It imports nothing heavy: publishing the warehouse reads this declaration.
"""

from __future__ import annotations

from assets.store.metrics import Metric

CSIM = Metric(
    label="CSIM",
    unit="1",
    better="higher",
    decimals=3,
    description="cosine of the face embeddings (dlib's 128-d ResNet) of generated and true crop, mean over a few frames "
    "spread evenly over the clip; 1 for equal frames",
)
