"""Import of sets larger than memory: rows lie in files, DuckDB sorts and numbers them.

What is read is read by the same readers, and comes to the same set, as in memory. `engine` wraps
DuckDB, `columns` are the files, `coded` numbers columns of text, `repeats` settles rows of the same
user and item, and `store` is what readers hand their rows to.
"""
