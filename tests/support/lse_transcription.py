"""LSE step by step as the protocol states it, and networks S to try it with."""

from __future__ import annotations

import math

import cv2
import numpy as np
import python_speech_features
import torch

from cals_models.networks.syncnet import SyncNet, SyncNetConfig


def transcribed(network: SyncNet, frames: np.ndarray, audio: np.ndarray) -> tuple[float, float, int]:
    """The protocol as FACTS states it, sharing only the network's layers with the code under test."""
    resized = [cv2.resize(np.ascontiguousarray(frame[:, :, ::-1]), (224, 224)) for frame in frames]
    video = torch.from_numpy(np.stack(resized).astype(float)).float().permute(3, 0, 1, 2)[None]
    coefficients = python_speech_features.mfcc(audio, 16000)
    mfcc = torch.from_numpy(coefficients.T[None, None].astype(float)).float()
    last = min(len(resized), math.floor(len(audio) / 640)) - 5
    lips, audios = [], []
    with torch.no_grad():
        for first in range(0, last, 20):
            batch = range(first, min(last, first + 20))
            lips.append(
                network.netfclip(
                    network.netcnnlip(torch.cat([video[:, :, t : t + 5] for t in batch])).flatten(1)
                )
            )
            pieces = torch.cat([mfcc[:, :, :, 4 * t : 4 * t + 20] for t in batch])
            audios.append(network.netfcaud(network.netcnnaud(pieces).flatten(1)))
    lip_rows = torch.cat(lips)
    padded = torch.nn.functional.pad(torch.cat(audios), (0, 0, 15, 15))
    rows = [
        torch.nn.functional.pairwise_distance(lip_rows[[t]].repeat(31, 1), padded[t : t + 31])
        for t in range(last)
    ]
    means = torch.stack(rows, 1).mean(1)
    least, place = means.min(0)
    return float(least), float(means.median() - least), 15 - int(place)


def network_of(seed: int, width_factor: float) -> SyncNet:
    torch.manual_seed(seed)
    network = SyncNet(SyncNetConfig(width_factor=width_factor)).eval()
    for module in network.modules():  # statistics that folding must get right
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 2.0)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.5, 0.5)
    return network
