"""A run: its folder, checkpoints and journal, its step 0, and the program around the loop."""
