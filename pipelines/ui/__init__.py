"""``cals ui``: Dagster's and MLflow's pages, each in a process of its own, behind a door of ours.

``serving.py`` starts, asks and ends the two; it imports neither.
"""
