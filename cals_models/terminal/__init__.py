"""What a training shows on the terminal while it runs.
Nothing here decides what is trained, so that a change in it trains nothing again.
"""
