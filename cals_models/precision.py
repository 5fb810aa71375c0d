"""Device and precision of networks: channels-last, and bf16 wherever the processor has it."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from cals_models.config.training import TrainingConfig


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 natively."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Context of bf16 autocast; of none where the device has no bf16 or the precision is `fp32`.

    Args:
        device: where the networks are.
        precision: `auto` or `fp32`.
    """
    if precision == "fp32" or not has_bf16(device):
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def place(network: nn.Module, device: torch.device, config: TrainingConfig) -> nn.Module:
    """Moves a network to a device, channels-last; compiles it on a GPU if the settings say so. Returns the same network."""
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if device.type == "cuda" and config.compile:
        network.compile()
    return network
