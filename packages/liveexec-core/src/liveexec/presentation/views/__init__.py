"""What is shown of orders, fills, positions, routes, events and comparisons: one function per view.

Rows are mappings keyed by the columns of the tables they come from, with the values as asyncpg returns them.
"""
