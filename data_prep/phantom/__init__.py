"""Drawn films and heads with known lesions, for tests and the demo."""
