"""Stage `metric_report`: the page of a dataset and the page over all of them.

Reads the published warehouse only.
"""
