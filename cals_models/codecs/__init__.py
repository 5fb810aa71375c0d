"""JPEG and FLAC decoders and a PNG writer in numpy: a rented GPU box that trains has torch and numpy, but no codec library.

`decode.py` takes simplejpeg and soundfile where they are installed, which is much faster; the result is the same, bit for bit.
"""
