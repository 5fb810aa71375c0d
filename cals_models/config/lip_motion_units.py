"""Width of a lip motion unit."""

UNIT_DIM = 512
"""Width of a lip motion unit, of F_v, F_a and f_theta alike."""
