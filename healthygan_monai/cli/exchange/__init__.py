"""Commands that give a trained run to others and take one from them."""
