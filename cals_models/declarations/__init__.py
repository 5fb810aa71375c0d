"""How settings are declared: the base class, what a field admits, and the check of a value against it.
It decides what is admitted, not what is computed: the values that pass are digested.
"""
