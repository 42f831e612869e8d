"""What of loss and networks is written in C, compiled once on each kind of machine and called without the GIL.

rows.c has the loss of a block of positions, attention.c attention, layers.c what stands between a layer's products;
lane.c has the prediction layer with the loss, and encoder.c a layer as a whole, with torch's own matrix product.
"""

import ctypes
import logging
import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock

import torch
from torch import Tensor

from recbole_hail import threads
from recbole_hail.native import compiling

SWITCH = "RECBOLE_HAIL_NATIVE"  # 0 in the environment turns this off
INTEGER, BITS, FLOAT, POINTER = ctypes.c_int64, ctypes.c_int, ctypes.c_float, ctypes.c_void_p
RANGE = INTEGER, INTEGER  # first, and the first beyond
FUNCTIONS = {  # by name: what they are given and what they return; the sources say what each is
    "hail_rows": ([POINTER, INTEGER, POINTER, INTEGER, *[POINTER] * 5], BITS),
    "hail_room": ([POINTER, INTEGER], INTEGER),
    "hail_begin": ([POINTER] * 2, None),
    "hail_predict": ([*RANGE, *[POINTER] * 2, INTEGER], None),
    "hail_settle": ([*RANGE, *[POINTER] * 2], BITS),
    "hail_give": ([*RANGE, *[POINTER] * 3], BITS),
    "hail_lane": ([POINTER] * 2, BITS),
    "hail_attention": ([*RANGE, *[POINTER] * 6, FLOAT], BITS),
    "hail_attention_backward": ([*RANGE, *[POINTER] * 5, FLOAT, *[POINTER] * 4], BITS),
    "hail_gelu": ([*RANGE, *[POINTER] * 3], None),
    "hail_add_and_norm": ([*RANGE, INTEGER, *[POINTER] * 3, BITS, FLOAT, *[POINTER] * 2, FLOAT, *[POINTER] * 3], None),
    "hail_add_and_norm_backward": ([*RANGE, INTEGER, *[POINTER] * 2, BITS, FLOAT, *[POINTER] * 7], None),
    "hail_layer": ([*RANGE, POINTER, FLOAT, *[POINTER] * 2], BITS),
    "hail_layer_backward": ([*RANGE, POINTER, FLOAT, *[POINTER] * 4], BITS),
}
POSITIVE, NEGATIVE, MIMICRY = 1, 2, 4  # what is distilled; positions.h has the same numbers


def library() -> ctypes.CDLL | None:
    """The compiled `FUNCTIONS`, or None where they are switched off or cannot be had; why is logged once, a warning."""
    with _one_at_a_time:
        return _library()


def supports(*tensors: Tensor) -> bool:
    """Whether the compiled functions can be given these: float32 in the memory of the CPU, now and as they are."""
    if torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False
    if torch._C._are_functorch_transforms_active():  # of torch.func, which only know torch's own operations
        return False
    plain = all(type(tensor) in (Tensor, torch.nn.Parameter) for tensor in tensors)  # others only stand for numbers
    there = all(tensor.dtype == torch.float32 and tensor.device.type == "cpu" for tensor in tensors)
    return plain and there and library() is not None


@cache
def matrix_product() -> int | None:
    """Where sgemm is in the library that torch computes with; None where that has no MKL, or does not show it."""
    if not torch.backends.mkl.is_available() or "MKL_ILP64" in torch.__config__.show():  # its sizes have 64 bits
        return None
    with suppress(OSError, AttributeError):
        path = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
        loaded = ctypes.CDLL(str(path), mode=os.RTLD_NOLOAD)  # a second copy of torch would end the process
        return ctypes.cast(loaded.sgemm_, ctypes.c_void_p).value
    return None


def call(name: str, *arguments):
    """What function `name` returns; tensors and structures are given by address.

    Raises:
        MemoryError: it got none, which is what all that return `BITS` say by them.
    """
    found = getattr(library(), name)(*map(_address, arguments))
    if found and FUNCTIONS[name][1] is BITS:
        raise MemoryError(f"no memory was left for {name} of the C code")
    return found


def _address(argument):
    if isinstance(argument, Tensor):
        return argument.data_ptr()
    return ctypes.byref(argument) if isinstance(argument, ctypes.Structure) else argument


def over_range(name: str, count: int, *arguments, least: int) -> list:
    """What it returns for ranges of [0, count), each of `least` or more and on a thread of its own.

    Tensors stay alive until all threads are done, whatever ends the caller.
    """
    return threads.over_range(lambda first, end: call(name, first, end, *arguments), count, least=least)


def declines(what: str, beyond_c: dict[str, bool]) -> bool:
    """Whether `what` is left to torch, for one of the things `beyond_c` is so; the first such is told in the log."""
    unknown = [reason for reason, is_so in beyond_c.items() if is_so]
    if unknown:
        tell_left_to_torch(what, unknown[0])
    return bool(unknown)


@cache
def tell_left_to_torch(what: str, unknown: str) -> None:
    """Says in the log, once, that `what` is computed by torch, for something about it is unknown to the C code."""
    message = "%s is computed by torch, which is slower, because the C code does not know %s."
    logging.getLogger(__name__).info(message, what, unknown)


_one_at_a_time = Lock()  # peers call from threads of their own


@cache
def _library() -> ctypes.CDLL | None:
    if os.environ.get(SWITCH) == "0":
        return None
    try:
        return compiling.load(FUNCTIONS)
    except (compiling.Unavailable, OSError) as error:  # OSError: no source, no room on the disk
        message = "Loss and networks are computed by torch, which is slower, because %s. %s=0 ends the search for it."
        logging.getLogger(__name__).warning(message, error, SWITCH)
        return None
