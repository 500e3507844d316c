"""Absolute Zero's Algorithm 1 in one file, on a model small enough to read: a table of logits.

The model does not know what six lines of Python mean. It proposes programs made of such lines, and solves what it has
proposed: deduction (predict the output), abduction (find an input), induction (find the program). Nobody gives it data;
Python itself checks every task and every answer. Watch it propose single lines until it can read them, then longer
programs. Runs in seconds: python examples/minimal.py
"""

import math
import random
from collections import defaultdict
from itertools import product
from statistics import mean, stdev

LINES = ("x = x + 2", "x = x * 3", "x = x - 5", "x = x * x", "x = x // 2", "x = -x")
MEANINGS = tuple(eval(f"lambda x: {line[4:]}") for line in LINES)  # what the model may take a line to mean
PROGRAMS = [program for length in (1, 2, 3) for program in product(range(6), repeat=length)]
B, K, N = 12, 4, 8  # proposals a mode, references a proposal, samples an estimate
RATE = 0.08
MODES = ("abduction", "deduction", "induction")


class Policy:
    """One softmax per decision. What was decided, and where, is all that the update needs."""

    def __init__(self, rng):
        self.rng, self.logits = rng, defaultdict(lambda: [0.0] * 6)

    def probabilities(self, decision):
        weights = [math.exp(logit) for logit in self.logits[decision]]
        return [weight / sum(weights) for weight in weights]

    def choose(self, decision, trace, among=6):
        choice = self.rng.choices(range(among), self.probabilities(decision)[:among])[0]
        trace.append((decision, choice))
        return choice

    def update(self, experiences):
        """REINFORCE: make what was decided more likely, by its advantage."""
        for trace, advantage in experiences:
            for decision, choice in trace:
                for other, probability in enumerate(self.probabilities(decision)):
                    self.logits[decision][other] += RATE * advantage * ((other == choice) - probability) / len(trace)


def run(program, x):
    """The verifier: Python runs the program. `None` where it grows too large."""
    source = "\n".join(["def f(x):", *(f"    {LINES[line]}" for line in program), "    return x"])
    names = {}
    exec(source, names)  # text that this file wrote; what a language model writes goes into abzero's sandbox
    value = names["f"](x)
    return value if abs(value) < 10**6 else None


def propose(policy, mode, buffer):
    """A task, or None: (program, cases). Not one of its references; every case verified by running it."""
    trace = []
    if mode == "induction":  # about a program of the other two buffers
        program = policy.rng.choice(buffer["abduction"] + buffer["deduction"])[0]
        first = policy.choose("induction: first input", trace)
        inputs = range(first, first + 6)
    else:
        references = policy.rng.sample(buffer[mode], min(K, len(buffer[mode])))
        length = 1 + policy.choose(f"{mode}: length", trace, among=3)
        program = tuple(policy.choose(f"{mode}: line", trace) for _ in range(length))
        if any(program == reference for reference, _ in references):
            return None, trace
        inputs = [policy.rng.randrange(1, 20)]
    cases = tuple((x, run(program, x)) for x in inputs)
    return (None if any(y is None for _, y in cases) else (program, cases)), trace


def solve(policy, mode, task):
    """Think: decide what each line means. Answer with that in mind, and let Python judge. Returns (right, trace)."""
    (program, cases), trace = task, []
    wanted = range(6) if mode == "induction" else sorted(set(program))
    thought = {line: MEANINGS[policy.choose(f"meaning of '{LINES[line]}'", trace)] for line in wanted}

    def imagine(program, x):
        for line in program:
            x = thought[line](x)
        return x

    (x, y), shown, hidden = cases[0], cases[:3], cases[3:]
    if mode == "deduction":
        return imagine(program, x) == y, trace
    if mode == "abduction":
        answer = next((x for x in range(1, 20) if imagine(program, x) == y), 0)
        return run(program, answer) == y, trace
    answer = next((p for p in PROGRAMS if all(imagine(p, x) == y for x, y in shown)), (0,))
    return all(run(answer, x) == y for x, y in hidden), trace


def learnability(rate):
    """Equation 4: the harder the better, as long as it can be solved at all."""
    return 0.0 if rate in (0.0, 1.0) else 1.0 - rate


def normalise(rows):
    """TRR++, equation 8: each role in each mode has its own baseline and scale."""
    rewards = [reward for _, reward in rows]
    scale = stdev(rewards) if len(set(rewards)) > 1 else 1.0
    return [(trace, (reward - mean(rewards)) / scale) for trace, reward in rows]


def step(policy, buffer):
    """Algorithm 1: propose, estimate, append, solve, credit, update."""
    batch, lengths, scores = [], [], {}
    for mode in MODES:
        proposals = [propose(policy, mode, buffer) for _ in range(B)]
        rewarded, fresh = [], []
        for task, trace in proposals:
            rate = mean(solve(policy, mode, task)[0] for _ in range(N)) if task else None
            rewarded.append((trace, -1.0 if task is None else learnability(rate)))
            fresh += [task] if task else []
        buffer[mode] += fresh
        lengths += [len(program) for program, _ in fresh if mode != "induction"]
        tasks = fresh + policy.rng.sample(buffer[mode], min(B - len(fresh), len(buffer[mode])))
        attempts = [solve(policy, mode, task) for task in tasks]
        scores[mode] = mean(right for right, _ in attempts)
        batch += normalise(rewarded) + normalise([(trace, 1.0 if right else -0.5) for right, trace in attempts])
    policy.update(batch)
    return mean(lengths), scores


def main(steps=150, seed=0):
    policy = Policy(random.Random(seed))
    buffer = {mode: [((0,), ((1, 3),))] for mode in MODES[:2]}  # one triplet: x + 2 at 1 is 3
    buffer["induction"] = [((0,), tuple((x, x + 2) for x in range(6)))]
    print(
        f"{'step':>5} {'lines':>6} " + " ".join(f"{mode:>10}" for mode in MODES) + "   (lines proposed; share solved)"
    )
    history = []
    for number in range(1, steps + 1):
        history.append(step(policy, buffer))
        if number % 15 == 0:
            recent = history[-15:]
            shares = " ".join(f"{mean(scores[mode] for _, scores in recent):10.2f}" for mode in MODES)
            print(f"{number:>5} {mean(length for length, _ in recent):>6.2f} {shares}")
    print("\nWhat the model now takes each line to mean:")
    for line in LINES:
        probabilities = policy.probabilities(f"meaning of '{line}'")
        best = probabilities.index(max(probabilities))
        print(f"  {line:<10} is taken for {LINES[best]:<10} with probability {max(probabilities):.2f}")


if __name__ == "__main__":
    main()
