"""How a plain function becomes a Dagster asset: what it is given, what it returns, checks, partitions.

The only room below the stages that imports Dagster.
"""
