"""Several processes that train as one: ranks from torchrun, sums over ranks, gradients averaged.

Gradients are averaged after the backward passes, in one flat reduction. DistributedDataParallel is not used: the stages
run several networks with several backward passes a step.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch import distributed as dist


@dataclass(frozen=True, kw_only=True)
class World:
    """One process of a training.

    Args:
        rank: its number, from 0.
        size: how many processes there are.
        device: where it computes.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this is the process that validates and writes."""
        return self.rank == 0

    def sum(self, value: Tensor) -> Tensor:
        """The sum over all processes, any shape; no gradient passes."""
        if self.size == 1:
            return value
        total = value.detach().clone()
        dist.all_reduce(total)
        return total

    def gather(self, rows: Tensor) -> Tensor:
        """Rows of all processes in the order of their ranks, with gradients: (B, ...) -> (size * B, ...)."""
        if self.size == 1:
            return rows
        gathered: Tensor = _GatherRows.apply(rows)
        return gathered

    def from_first(self, value: object) -> object:
        """The first process's value, plain data, in all processes."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replaces every gradient by its mean over the processes."""
        if self.size == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.size
        start = 0
        for gradient in gradients:
            gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()


class _GatherRows(torch.autograd.Function):
    """All ranks' rows; the gradient of a rank's rows is the sum over all ranks."""

    @staticmethod
    def forward(ctx, rows: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.num_rows = len(rows)
        parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        total = gradient.clone()
        dist.all_reduce(total)
        start = dist.get_rank() * ctx.num_rows
        return total[start : start + ctx.num_rows]


def join_world(device: str = "auto") -> World:
    """The world of this process: rank and size as torchrun set them, else a single process.

    Args:
        device: `auto` takes the GPU of the process's local rank where there is one, else the CPU.

    Raises:
        ValueError: a device that torch does not know or that is not there.
    """
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if device == "auto":
        name = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"
    else:
        name = device
    try:
        place = torch.device(name)
        torch.empty(1, device=place)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"--device {device}: not there ({str(error).splitlines()[0]}); try cpu") from error
    if place.type == "cuda":
        place = torch.device("cuda", place.index or 0)  # plain `cuda` names the first
        torch.cuda.set_device(place)
    if size > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if place.type == "cuda" else "gloo")
    return World(rank=rank, size=size, device=place)


def leave_world() -> None:
    """Undoes `join_world`."""
    if dist.is_initialized():
        dist.destroy_process_group()
