"""Trained networks applied to whole clips.

Renders, reports and dubs generate with it.
"""
