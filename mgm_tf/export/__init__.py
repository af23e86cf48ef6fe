"""SavedModels: written, checked, loaded again."""
