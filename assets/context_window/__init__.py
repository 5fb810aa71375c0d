"""Stage `context_window`: LMD of the middle frame against the audio window (Figure 3).

What is drawn with part of the audio lies here for `masked_audio` too.
"""
