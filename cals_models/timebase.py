"""The one time base of clips: 25 video frames, 16,000 audio samples and 100 mel frames a second.

Source: CALS (arXiv 2305.19556): video at 25 fps, mel-spectrograms at 100 fps, so 4 mel frames a video frame.
"""

FPS = 25
SAMPLE_RATE_HZ = 16_000
SAMPLES_PER_FRAME = SAMPLE_RATE_HZ // FPS
MELS_PER_FRAME = 4
