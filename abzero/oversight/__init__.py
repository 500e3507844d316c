"""Oversight: what completions say, found, recorded and answered for; never part of a reward.

Nothing that the loop, the rewards, the policy or a task type is made of may import this folder. Deleting it leaves
training as it was. What each monitor sees and misses is measured in docs/oversight.md.
"""
