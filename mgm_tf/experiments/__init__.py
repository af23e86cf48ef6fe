"""The experiments of the paper: a registry, its runs, their report."""
