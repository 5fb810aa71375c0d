"""Reading and writing video and audio: probing, decoding by time, encoding, contact sheets.

Files are hostile: every limit is checked before a file is decoded.
"""
