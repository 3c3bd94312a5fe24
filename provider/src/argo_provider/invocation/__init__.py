"""Use cases of running things: actions, sequences, compositions, trigger fires, and what a crash left."""
