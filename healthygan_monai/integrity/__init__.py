"""Whether a file of weights is whole, and the one that training wrote."""
