"""The cases of a scored folder as pages: served by ``healthygan view``, or files of a report."""
