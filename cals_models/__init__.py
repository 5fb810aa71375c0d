"""The maths: networks, losses, metrics, shard reading, training.

Runs wherever torch, torchaudio, webdataset and safetensors run; imports nothing of `assets` or `pipelines`.
"""
