"""What the benches of the optimiser share: functions that move, how they are watched, and constant load on them."""
