"""One heap for all threads of a process that proves (docs/decisions/0106-one-arena.md)."""

from __future__ import annotations

import ctypes

_M_ARENA_MAX = -8  # glibc's <malloc.h>


def use_one_arena() -> None:
    """From now on. Other C libraries than glibc have no arenas to bound, and are left as they are."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
