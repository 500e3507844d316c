"""The policy on other machines: generator and learner over the public Tinker API, whatever server speaks it."""
