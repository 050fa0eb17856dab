"""What is in INPUT, who it belongs to, and which section it goes to."""
