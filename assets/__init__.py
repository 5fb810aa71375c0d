"""What exists: one folder a stage, in the order in which data flows, and the rooms that stages share.

Imports `cals_models`, never `pipelines`; a room imports only those below it (pyproject.toml, `tool.importlinter`).
"""
