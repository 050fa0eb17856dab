"""New patients: films and heads that nobody has labelled -> scores and maps in their own space."""
