"""What the service is about: names, limits, entities, activations. Pure; imports nothing of the rest."""
