"""Stage `clip_metrics` and the scoring of any folder of videos: PSNR, SSIM, LMD, LSE, LPIPS, FID.

The formulas are in `cals_models/metrics`; protocols and reading are here.
"""
