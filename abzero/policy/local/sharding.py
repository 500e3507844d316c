"""Several processes that hold one model together: FSDP2, and the few collectives around it.

``torchrun`` starts the processes. Each holds a slice of every weight, gradient and moment, and a whole copy of the
model to sample from. A world of one does all of this without talking to anyone.
"""

import copy
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor
from transformers import PreTrainedModel

from abzero.errors import BackendError

T = TypeVar("T")

PATIENCE = timedelta(hours=1)
"""How long a process waits for others within an update. A dead one is seen at once; this is for one that is stuck."""
IDLE = timedelta(days=7)
"""How long it waits for orders, and for others to finish theirs: sampling, running programs, writing to a slow disk."""


@dataclass(frozen=True, slots=True)
class World:
    """This process among `size` of them."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def part(self, values: Sequence[T]) -> Sequence[T]:
        """What of `values` is this process' work."""
        return values[self.rank :: self.size]

    def whole(self, parts: Sequence[Sequence[T]]) -> list[T]:
        """The values of which each process had its `part`, in order again."""
        values: list[T | None] = [None] * sum(map(len, parts))
        for rank, part in enumerate(parts):
            values[rank :: self.size] = part
        return values  # type: ignore[return-value]

    def rounds(self, groups: Sequence[T]) -> list[T | None]:
        """This process' part of `groups`; ``None`` where others have one and it has none, for all go in step."""
        part: list[T | None] = list(self.part(groups))
        return part + [None] * (-(-len(groups) // self.size) - len(part))

    def tell(self, message: T | None = None) -> T:
        """The first process' message, everywhere."""
        box = [message]
        if self.size > 1:
            dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        return box[0]  # type: ignore[return-value]

    def share(self, value: T) -> list[T]:
        """Every process' value, everywhere, by rank."""
        if self.size == 1:
            return [value]
        values: list[T | None] = [None] * self.size
        dist.all_gather_object(values, value)
        return values  # type: ignore[return-value]

    def norm(self, own: Tensor) -> Tensor:
        """The norm of a vector of which each process holds some elements, from that of its `own`."""
        if self.size == 1:
            return own
        square = own.double().square()
        dist.all_reduce(square)
        return square.sqrt().to(own.dtype)

    def shard(self, scorer: nn.Module, model: PreTrainedModel) -> None:
        """Keep a slice of the weights of `scorer`, which holds `model`; each decoder layer is gathered by itself."""
        if self.size == 1:
            return
        mesh = DeviceMesh.from_group(dist.new_group(timeout=PATIENCE), model.device.type)
        narrow = model.dtype.itemsize < 4
        precision = MixedPrecisionPolicy(reduce_dtype=torch.float32 if narrow else None)
        layers: nn.ModuleList = model.get_decoder().layers
        for module in (*layers, scorer):
            fully_shard(module, mesh=mesh, mp_policy=precision, reshard_after_forward=True)


ALONE = World()


def own(tensor: Tensor) -> Tensor:
    """The slice of a sharded tensor that this process holds, in place; any other tensor as it is."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def gathered(part: Tensor, like: Tensor) -> Tensor:
    """The whole of what each process holds a `part` of, cut along the first axis as `like` is."""
    if not isinstance(like, DTensor) or part.dim() == 0:
        return part
    shape = torch.Size((like.shape[0], *part.shape[1:]))
    stride = torch.empty(shape, device="meta").stride()
    return DTensor.from_local(part, like.device_mesh, like.placements, shape=shape, stride=stride).full_tensor()


def cut(whole: Tensor, like: Tensor) -> Tensor:
    """This process' part of a `whole` tensor, cut along the first axis as `like` is."""
    if not isinstance(like, DTensor) or whole.dim() == 0:
        return whole
    step = -(-like.shape[0] // like.device_mesh.size())
    return whole[like.device_mesh.get_local_rank() * step :][: own(like).shape[0]].clone()


class GatheredModel:
    """All the weights of a `model` about to be sharded: a copy, collected when asked for and let go of in between.

    A model that is not sharded is its own whole. Weights that are never trained stay where they are.
    """

    def __init__(self, model: PreTrainedModel, world: World) -> None:
        self._model = model
        self._copy = model if world.size == 1 else copy.deepcopy(model).requires_grad_(False)
        self._fresh = True

    @torch.no_grad()
    def get(self) -> PreTrainedModel:
        """The model with all its weights. All processes must ask at once."""
        if not self._fresh:
            for sharded, weight in self._trained():
                weight.data = gathered(own(sharded), sharded)
            self._fresh = True
        return self._copy

    def let_go(self) -> None:
        """Give the copy's memory back, before the sharded weights change."""
        if self._copy is not self._model:
            for _, weight in self._trained():
                weight.data = weight.data.new_empty(0)
            self._fresh = False

    @torch.no_grad()
    def spread(self) -> None:
        """Take the sharded weights from the copy, which has changed."""
        if self._copy is not self._model:
            for sharded, weight in self._trained():
                own(sharded).copy_(cut(weight, sharded))

    def _trained(self) -> list[tuple[Tensor, Tensor]]:
        pairs = zip(self._model.parameters(), self._copy.parameters(), strict=True)
        return [(sharded, weight) for sharded, weight in pairs if sharded.requires_grad]


def world() -> World:
    """The place of this process among those that ``torchrun`` started; alone, if it did not."""
    return World(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))


@contextmanager
def joined(device: str, patience: timedelta = IDLE) -> Iterator[World]:
    """Meet the other processes, each on a device of its own."""
    here = world()
    if here.size == 1:
        yield here
        return
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo", timeout=patience)
    try:
        yield here
    finally:
        dist.destroy_process_group()


@contextmanager
def together() -> Iterator[None]:
    """Raise `BackendError` where the processes cannot go on together: one has died, or is stuck."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise BackendError(
            "the processes of this run lost each other: one has died or is stuck, and may have said why. What the last "
            f"checkpoint holds is safe ({str(error).splitlines()[0][:160]})"
        ) from error
