"""From a built data set to the examples of an update."""
