"""Where and how finely the networks compute: bf16 and channels-last wherever the processor has bf16."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from cals_models.config.training import TrainingConfig


def has_bf16(device: torch.device) -> bool:
    """Whether the processor multiplies bf16 natively."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """bf16 autocast, or nothing where the processor has no bf16 or the setting is `fp32`."""
    if precision == "fp32" or not has_bf16(device):
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def place(network: nn.Module, device: torch.device, config: TrainingConfig) -> nn.Module:
    """Move a network to its device, channels last; compile it where there is a GPU and the setting says so."""
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if device.type == "cuda" and config.compile:
        network.compile()
    return network
