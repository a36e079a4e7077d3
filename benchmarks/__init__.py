"""What liveexec costs: each module measures one thing and prints it beside its goal; ``python -m benchmarks`` runs them.

Figures are ratios to something measured in the same run wherever they can be, since machines differ and are shared.
"""
