"""What serving an exported model takes: warm-up, configurations, and a check."""
