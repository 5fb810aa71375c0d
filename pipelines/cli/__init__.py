"""The command line: one module a group of commands, each over a plain function elsewhere.

Exit status 0 only if all that was asked was done; wrong input is one line.
"""
