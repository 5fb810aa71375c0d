"""FLAC and JPEG decoders in torch and numpy, for a machine that has only torch (a rented GPU box).

Used where soundfile or simplejpeg is not installed; slower, and equal bit for bit or within one grey level.
"""
