"""How the graph runs and is used: definitions, staleness, runner, lineage, repair, applications.

Defines no asset itself.
"""
