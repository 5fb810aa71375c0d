"""The web page of the rating study.

Binds to loopback.
"""
