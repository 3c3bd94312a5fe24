"""Which invocation runs in which sandbox, and when one starts or ends: pure decisions, and the loop that awaits."""
