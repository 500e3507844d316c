"""What is Python's own about a task: its literals, and what its programs look like."""
