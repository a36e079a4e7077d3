"""What happens to an order: pure and synchronous. No I/O, no clock, no randomness, no iteration over sets."""
