"""The label CSV: its dialect, columns, PASS rule, lighting file names, and the scores written beside its rows."""
