"""Stage `mels`: 80-bin log-mel spectrograms, 4 frames a video frame, aligned to the video.

`mel.py` is the transform, `mel_clip.py` the work of one clip.
"""
