"""A lane of the chunked loss whose prediction layer and loss are native/lane.c's, on one thread or on all of them."""

import ctypes
from functools import partial

import torch
from torch import Tensor

from recbole_hail import native
from recbole_hail.losses.blocks import Loss, NativeBlocks
from recbole_hail.threads import bounds_of, over_range, side_by_side

BLOCK = 2**11  # elements whose logits are worked on at a time, of all positions of a chunk; whole tiles of 512


class Lane(ctypes.Structure):
    """Of lane.c, as `Chunk` is."""

    _fields_ = (
        ("loss", Loss),
        ("gemm", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("size", "at_once", "columns")),
        *(
            (name, ctypes.c_void_p)
            for name in ("table", "grad_table", "grad_bias", "logits", "grad_bias_of_chunk", "room")
        ),
    )


class Chunk(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("count", "peer_stride")),
        *((name, ctypes.c_void_p) for name in ("hidden", "targets", "own", "distilled", "grad_hidden", "terms")),
    )

    @classmethod
    def of(cls, hidden, grad_hidden, targets, own, distilled, terms) -> "Chunk":
        """Of parts of tensors that hold as many positions of each peer."""
        peer_stride = terms.stride(1)  # hidden's stride from peer to peer means nothing where there is one
        tensors = hidden, targets, own, distilled, grad_hidden, terms
        chunk = cls(hidden.shape[1], peer_stride, *(tensor.data_ptr() for tensor in tensors))
        chunk.tensors = tensors  # which must outlast it
        return chunk


def supports(block, shared: bool) -> bool:
    """Whether lanes of these blocks may be those of this module; mimicry's elements cannot be shared out."""
    if not isinstance(block, NativeBlocks) or native.matrix_product() is None:
        return False
    return not (shared and block.distils == native.MIMICRY)


class NativeLane:
    """Goes through its positions in one call, so that threads do not wait for one another's turn in Python."""

    threads = 1

    def __init__(self, hidden: Tensor, table: Tensor, bias: Tensor, block: NativeBlocks, at_once: int):
        self.table, self.at_once = table.contiguous(), min(at_once, block.positions)
        self.grad_table, self.grad_bias = torch.zeros_like(self.table), torch.zeros_like(bias)
        loss = block.told(len(hidden), self.threads)
        logits = hidden.new_empty(self.at_once * len(hidden) * len(table))
        room = torch.empty(native.call("hail_room", loss, self.at_once) // 8 + 1, dtype=torch.float64)  # of bytes
        self.memory = self.table, self.grad_table, self.grad_bias, logits, torch.empty_like(bias), room
        self.block = block  # which holds the bias
        self.told = Lane(
            *(loss, native.matrix_product(), table.shape[1], self.at_once, BLOCK),
            *(tensor.data_ptr() for tensor in self.memory),
        )

    def run(self, hidden, grad_hidden, targets, own, distilled, terms) -> None:
        """As `_Lane.run` of chunked.py."""
        given = Chunk.of(hidden, grad_hidden, targets, own, distilled, terms)
        native.call("hail_lane", self.told, given)


class SharedNativeLane(NativeLane):
    """One lane for all threads, which share out elements, where a gradient of the table for each would cost much."""

    def __init__(self, hidden: Tensor, table: Tensor, bias: Tensor, block: NativeBlocks, at_once: int):
        blocks = -(-len(table) // BLOCK)
        self.threads = min(torch.get_num_threads(), blocks)
        bounds = [min(block * BLOCK, len(table)) for block in bounds_of(blocks, self.threads)]
        self.first, self.end = bounds[:-1], bounds[1:]
        super().__init__(hidden, table, bias, block, at_once)

    def run(self, hidden, grad_hidden, targets, own, distilled, terms) -> None:
        """As `_Lane.run` of chunked.py."""
        # The part of each thread's elements in the gradient of hidden.
        by_elements = grad_hidden.new_empty(self.threads, *grad_hidden.shape)
        for start in range(0, len(targets), self.at_once):
            chunk = slice(start, start + self.at_once)
            of_position = (tensor[chunk] for tensor in (targets, own, distilled))
            given = Chunk.of(hidden[:, chunk], grad_hidden[:, chunk], *of_position, terms[:, :, chunk])
            self._go_through(given, [part[:, chunk] for part in by_elements])
        torch.sum(by_elements, 0, out=grad_hidden)

    def _go_through(self, chunk: Chunk, by_elements: list[Tensor]) -> None:
        def call(name, first, end, *own):
            return native.call(name, first, end, self.told, chunk, *own)

        native.call("hail_begin", self.told, chunk)
        side_by_side(partial(call, "hail_predict"), self.first, self.end, range(self.threads))
        over_range(partial(call, "hail_settle"), chunk.count, least=1)
        side_by_side(partial(call, "hail_give"), self.first, self.end, by_elements)
