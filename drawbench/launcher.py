"""Which of how many processes this one is, where torchrun, accelerate or another launcher started several."""

import os
from dataclasses import dataclass

from drawbench.errors import UserError


@dataclass(frozen=True)
class Place:
    """rank: of this process, 0 to size - 1. local: its number on its machine, and so its GPU."""

    rank: int
    size: int
    local: int


def launched() -> Place | None:
    """This process among those of its launch, by the variables that launchers set; None where it is the only one.

    Raises UserError for variables that contradict each other.
    """
    size, rank = os.environ.get("WORLD_SIZE", "1"), os.environ.get("RANK", "0")
    local = os.environ.get("LOCAL_RANK", rank)
    if not all(text.isascii() and text.isdigit() for text in (size, rank, local)) or int(rank) >= max(1, int(size)):
        raise UserError(
            f"RANK {rank}, LOCAL_RANK {local} and WORLD_SIZE {size} name no process: unset them, or mend them."
        )
    return Place(int(rank), int(size), int(local)) if int(size) > 1 else None


def is_member() -> bool:
    """Whether it helps another process, rank 0, which alone speaks for all."""
    try:
        place = launched()
    except UserError:
        return False
    return place is not None and place.rank > 0
