"""Random questions with parents, and answers, the same for ever: what DSG's own code made of them is recorded."""

from collections.abc import Iterator
from random import Random

Parents = dict[int, tuple[int, ...]]


def answered(count: int = 24) -> Iterator[tuple[Parents, dict[int, bool]]]:
    """Each question's parents, among the other questions or itself, and whether it was answered rightly."""
    random = Random(3)
    for _ in range(count):
        ids = range(1, random.randrange(2, 8))
        parents = {each: tuple(sorted(random.sample(ids, min(len(ids), random.randrange(3))))) for each in ids}
        yield parents, {each: random.random() < 0.7 for each in ids}
