"""Stages `face_tracks` and `face_crops`: landmarks at 25 fps and aligned crops, in one pass.

Back ends of face detection are in `backends/`.
"""
