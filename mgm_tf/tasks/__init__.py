"""What is predicted: dense tasks and scenes, with their losses and metrics."""
