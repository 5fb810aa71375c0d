"""The raw files, observed and hashed, and the layouts that say which of them are clips.

Reads raw data, never writes to it.
"""
