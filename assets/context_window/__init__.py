"""Stage `context_window`: LMD of the middle frame against the audio window (Figure 3).

Generating from part of the audio is here for `masked_audio` too.
"""
