"""What the journal's records say in words. What a model wrote is in them as it wrote it."""

from abzero.run.journal import Attempted, Proposed, Rewarded


def derivation(reward: Rewarded | None, why: str = "") -> str:
    """``0.4 = learnability 0.625 + novelty -0.225 (solve rate 3/8)``: how a reward came about."""
    if reward is None:
        return "not learned from"
    summands = " + ".join(f"{name} {value:.4g}" for name, value in reward.terms)
    return f"{reward.total:.4g} = {summands}" + (f" ({why})" if why else "")


def proposal_derivation(proposed: Proposed) -> str:
    return derivation(proposed.reward, f"solve rate {solve_rate(proposed)}" if proposed.task else "")


def attempt_derivation(attempted: Attempted) -> str:
    return derivation(attempted.reward)


def solve_rate(proposed: Proposed) -> str:
    """``3/8``, or ``0.312 of 8`` where scores are fractions; empty where there is no task."""
    if proposed.solve_rate is None:
        return ""
    solved = proposed.solve_rate * proposed.samples
    whole = round(solved)
    return (
        f"{whole}/{proposed.samples}"
        if abs(solved - whole) < 1e-9
        else f"{proposed.solve_rate:.3f} of {proposed.samples}"
    )


def score(attempted: Attempted) -> str:
    if attempted.fault:
        return f"not graded: {attempted.fault}, a fault of abzero's"
    return "malformed" if attempted.score is None else f"{attempted.score:g}"


def outcome(proposed: Proposed) -> str:
    """What became of a proposal."""
    if proposed.task is None:
        return f"rejected: {proposed.error}"
    return "valid" if proposed.well_formed else "valid, but it breaks the think/answer format"
