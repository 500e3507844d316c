"""All that shares a process with a model's program: the standard library and this folder, no more."""
