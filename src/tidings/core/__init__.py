"""Nouns and rules, pure: nothing here asks the time, reads, or waits."""
