"""The command line: one module a command, named after it, over a plain function elsewhere.

A new command is a module here and its name in ``main.COMMANDS``; texts and exit codes of errors are in ``errors``.
"""
