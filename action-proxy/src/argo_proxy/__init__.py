"""The node agent: owns the sandboxes of one machine and speaks the action container protocol to them."""
