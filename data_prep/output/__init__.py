"""What a preparation writes beside its images: lists, tables, the report."""
