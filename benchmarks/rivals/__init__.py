"""What a user would pick instead; each runs with the Python of its own environment."""
