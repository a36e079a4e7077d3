"""The ways to show a table: a terminal, plain text, CSV, TSV, JSON and HTML. None of them formats a value."""
