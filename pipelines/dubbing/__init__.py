"""`cals dub`: any video, any audio, one trained model.

Reads and writes files of the user; makes no asset.
"""
