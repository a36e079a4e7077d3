"""A simulated venue heard and spoken to in Deribit's words, so that a simulator has the mapping in its loop."""
