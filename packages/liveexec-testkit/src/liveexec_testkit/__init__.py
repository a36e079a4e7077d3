"""liveexec's test kit: the deterministic simulator that the library is proved with."""
