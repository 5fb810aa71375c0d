"""How a plain function becomes a Dagster asset: its input and result, checks, partitions, resources.

The only room below the stages that imports Dagster.
"""
