"""One file with a trained run, to be given to others: what is in it, writing, checked reading."""
