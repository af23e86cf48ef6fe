"""The metrics of a run, and the arrays that a report shows."""
