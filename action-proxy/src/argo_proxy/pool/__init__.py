"""The sandboxes of one machine: their states, the table that finds one in constant time, and what is done with them."""
