"""Recorded ticks in an object store: signals, the windows around them, and reading no more than those."""
