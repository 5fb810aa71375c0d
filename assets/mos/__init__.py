"""The rating study (Table 2): studies, ratings, screening, mean and interval.

The web page is in `pipelines/mos`.
"""
