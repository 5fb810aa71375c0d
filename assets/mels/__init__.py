"""Stage `mels`: 80-bin log-mel spectrograms, 4 frames a video frame, aligned to the video.

The transform is in `mel.py`, its settings in `settings.py`.
"""
