"""The metrics of a run, and what a report shows of it."""
