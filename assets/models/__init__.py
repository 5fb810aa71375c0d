"""The trained stages as assets: sync encoder, Audio-to-Lip, generators, LSE evaluator.

Thin: they start a training process of `cals_models` and record what it leaves.
"""
