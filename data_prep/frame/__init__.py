"""From a picture of any size to the square that a network takes, and the way back."""
