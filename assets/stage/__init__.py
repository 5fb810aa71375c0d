"""How a plain function becomes a Dagster asset: its input and result, checks, partitions, resources.

Only this room imports Dagster, and `external_renders` for its one asset without a function.
"""
