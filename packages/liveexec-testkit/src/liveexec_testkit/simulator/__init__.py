"""The simulator: the real orchestrator on a loop of ours, between a hostile venue and a failing store.

A run is named by its seed and reproduces exactly. See ``run.py`` for one run, ``swarm.py`` for many, ``sweep.py`` for
a crash at every step, ``shrink.py`` for the smallest run that still fails.
"""
