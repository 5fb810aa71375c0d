"""Face detectors behind one interface: dlib, and face-alignment (SFD + FAN).

Weights load as tensors only.
"""
