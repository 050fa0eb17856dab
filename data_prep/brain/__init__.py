"""Brain volumes: correct, find the grey range, cut, frame."""
