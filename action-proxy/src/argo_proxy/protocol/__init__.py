"""What travels between the control plane, the node agent and the runtime in a sandbox."""
