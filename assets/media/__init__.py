"""Reading and writing video and audio: probing, decoding by time, encoding, contact sheets.

Files may be hostile: limits are checked before a file is decoded.
"""
