"""The invariants of durability: what is checked, by its number, against records, requests and the venues' truth."""
