"""Looking at a run: everything here reads its journal, and nothing writes to it."""
