"""What the benches of the NIUk share: its parts, its rivals, and what they print."""
