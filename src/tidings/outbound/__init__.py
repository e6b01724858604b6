"""The receiver's side: connections that are guarded, notifications that are sent."""
