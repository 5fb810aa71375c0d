"""Stage `av_offsets`: the audio-video offset of each clip, measured by a probe, corrected where it is sure.

The probe never trains on the data that it measures.
"""
