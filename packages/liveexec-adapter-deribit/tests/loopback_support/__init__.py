"""What the loopback venue's tests share."""
