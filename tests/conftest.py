"""This folder is on the path of every test below it: they share `steps.py`."""
