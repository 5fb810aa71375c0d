"""Digests of source code: which definitions a stage reaches, and what they say.
Only the standard library; a training's machine and the planner compute the same ones.
"""
