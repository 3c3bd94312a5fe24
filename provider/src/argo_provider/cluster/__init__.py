"""Many machines: the adapters that carry invocations, results, events and artefacts over a NATS bus."""
