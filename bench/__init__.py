"""Every speed and size the README quotes, measured beside what is possible at all."""
