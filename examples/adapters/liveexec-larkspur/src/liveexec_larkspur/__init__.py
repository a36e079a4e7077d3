"""Larkspur, an exchange that was invented as an example, as a venue of liveexec."""
