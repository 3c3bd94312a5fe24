"""Use cases of the four kinds of entity: create, update, read, list, delete, under the contract's rules."""
