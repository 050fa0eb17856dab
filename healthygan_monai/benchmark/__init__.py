"""Run data set x method x seed, one cell each, and make the table."""
