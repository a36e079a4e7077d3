"""What a run leaves behind: orders, fills, positions and the curve of its equity, the same of a replay and of live."""
