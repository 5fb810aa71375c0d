"""`cals dub`: any video, any audio, one trained model.

Reads and writes files of the user; no asset depends on it. The steps are in `dub.py`.
"""
