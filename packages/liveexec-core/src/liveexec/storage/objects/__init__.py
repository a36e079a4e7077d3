"""Object storage: gs://, s3://, file:// and memory:// through obstore, and what plugins offer under other schemes."""
