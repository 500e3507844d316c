"""The policy on this machine's processors: sampling, the learner, memory, several processes."""
