"""A small DICOM node: studies come in by C-STORE, are scored, and results go to a destination.

See docs/dicom_node.md. Only ``healthygan listen`` uses it.
"""
