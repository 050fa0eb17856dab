"""What the configs of the bundle need before a workflow begins."""
