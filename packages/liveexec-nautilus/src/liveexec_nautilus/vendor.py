"""Everything of NautilusTrader that this package uses, imported here and nowhere else."""
