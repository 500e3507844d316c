"""What the proposals of a run came to, and which of them the learner was told to make likelier.

    python benchmarks/proposals.py RUN… [--parts 3]

Prints, for each part of the steps, the means of the proposals' figures by mode; then where their positive advantage
went: to tasks that are learnable (solved sometimes) or not, whose program is new or was offered before. Nothing is
timed.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from statistics import fmean

from abzero.run.directory import RunFolder
from abzero.run.journal import JournalReader, Proposed

FIGURES = ("valid", "new", "learnable", "solve_rate")


def kind(proposal: Proposed) -> str:
    if proposal.task is None:
        return "invalid"
    learnable = "learnable" if 0 < (proposal.solve_rate or 0) < 1 else "unlearnable"
    return f"{learnable}, {'repeated' if proposal.repeats else 'new'}"


def praise(proposals: Sequence[Proposed]) -> str:
    """Shares of the positive advantage by kind, the largest first."""
    shares: dict[str, float] = defaultdict(float)
    for one in proposals:
        if one.reward and one.reward.advantage > 0:
            shares[kind(one)] += one.reward.advantage
    total = sum(shares.values())
    largest = sorted(shares.items(), key=lambda share: -share[1])
    return "; ".join(f"{name} {share / total:.0%}" for name, share in largest) or "none"


def means(reader: JournalReader, name: str, modes: Sequence[str], steps: Sequence[int]) -> str:
    words = []
    for mode in modes:
        values = [value for step, value in reader.series(f"propose/{name}/{mode}") if step in steps]
        words.append(f"{fmean(values):.0%}" if values else "-")
    return ", ".join(words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--parts", type=int, default=3)
    options = parser.parse_args()
    for run in options.runs:
        with closing(JournalReader(RunFolder(run).journal)) as reader:
            numbers = [step for step in reader.steps() if step > 0]
            modes = sorted({one.mode for one in reader.proposals(numbers[0])})
            print(f"{run.name}: {', '.join(modes)}")
            for part in range(options.parts):
                steps = numbers[len(numbers) * part // options.parts : len(numbers) * (part + 1) // options.parts]
                figures = "; ".join(f"{name} {means(reader, name, modes, steps)}" for name in FIGURES)
                print(f"  steps {steps[0]} to {steps[-1]}: {figures}")
                print(f"    praise: {praise([one for step in steps for one in reader.proposals(step)])}")


if __name__ == "__main__":
    main()
