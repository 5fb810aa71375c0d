"""Metrics as functions of tensors: PSNR, SSIM, LMD, LSE-D, LSE-C, with formula and source.

No files, no protocols: those are in `assets/metrics`.
"""
