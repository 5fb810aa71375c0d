"""Videos of other systems, observed as a source of the report.

`cals score` writes what is read here.
"""
