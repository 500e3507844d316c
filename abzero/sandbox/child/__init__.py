"""What shares a process with a model's program, and so is audited: the standard library and this folder, no more."""
