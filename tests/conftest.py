"""The tests mirror `abzero/`; they share `steps.py`."""
