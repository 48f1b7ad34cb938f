"""The label CSV: its dialect, columns and PASS rule, lighting file names, scores written beside its rows."""
