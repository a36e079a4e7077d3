"""What the tests of the loopback Bybit and OKX share."""
