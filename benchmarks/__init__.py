"""What liveexec costs: each module measures one thing beside its goal, and ``python -m benchmarks`` prints them all.

Figures are ratios to something measured in the same run wherever they can be, since machines differ and are shared.
"""
