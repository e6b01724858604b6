"""The provider's side: what an element is, how its API is asked, and what its answers mean."""
