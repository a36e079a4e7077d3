"""Replay: recorded signals and a recorded market through the engine that trades live, on virtual time.

The driver (:mod:`liveexec.replay.driver`) holds the engine and carries out what it decides; a host
(:mod:`liveexec.replay.ports`) simulates the venues and moves time. A run is a pure function of its specification.
"""
