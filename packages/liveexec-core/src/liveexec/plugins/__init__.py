"""How others extend liveexec: hooks, what they register, and the contract that a venue's adapter fulfils."""
