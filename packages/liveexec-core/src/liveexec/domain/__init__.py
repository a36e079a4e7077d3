"""What things are: values only, from the standard library and attrs, without I/O, clock or randomness."""
