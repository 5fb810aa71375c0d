"""Stage `masked_audio`: LMD of frames whose audio is masked (Figure 2).

Generates with `context_window.partial_audio`.
"""
