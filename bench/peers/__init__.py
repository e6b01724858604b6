"""Three well-known pollers, each with its own means, beside Tidings."""
