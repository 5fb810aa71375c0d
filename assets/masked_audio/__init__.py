"""Stage `masked_audio`: LMD of frames whose audio is masked (Figure 2).

Draws through `context_window.partial_audio`.
"""
