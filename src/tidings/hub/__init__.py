"""The hub: a user's own calls of a provider's records, through the platform's names for them."""
