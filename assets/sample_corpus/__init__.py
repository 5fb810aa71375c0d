"""The corpus that `cals demo` renders: a talking photograph with known lip motion and A/V offsets.

Imports no other room of `assets`.
"""
