"""Absolute Zero: one model proposes, one model solves, a sandbox verifies. No data."""

__version__ = "0.1.0"
