"""The truth: states, cursors, the event log and who is due, behind one contract (base)."""
