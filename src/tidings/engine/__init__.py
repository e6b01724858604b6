"""What happens, in the order it happens: poll, sweep, deliver, and the dispatcher that hands out the lanes."""
