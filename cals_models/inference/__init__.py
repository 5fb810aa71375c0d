"""Trained networks at work on whole clips.

What renders, reports and dubs generate with.
"""
