"""Face detectors behind one interface: dlib, and face-alignment (SFD + FAN).

Weights are loaded as tensors only.
"""
