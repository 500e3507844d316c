from dataclasses import dataclass, field
from enum import Enum

class Colour(Enum):
    RED = 1

@dataclass(order=True)
class Point:
    x: int
    tags: list = field(default_factory=list)

def f(n):
    return sorted([Point(n), Point(n - 1)])[0].x, Colour.RED.name
