"""The paper's maths: rewards, credit, advantages, losses, and a step in figures."""
