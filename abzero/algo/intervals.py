"""Confidence intervals of measured shares."""

from math import sqrt

Z95 = 1.959963984540054


def wilson(value: float, n: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval of a share `value` of `n` problems; 95 % by default, the whole unit interval at n = 0.

    For means of several samples a problem, pass the number of problems: the interval is then on the safe side.
    """
    if n == 0:
        return 0.0, 1.0
    centre = (value + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(value * (1 - value) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, min(value, centre - half)), min(1.0, max(value, centre + half))
