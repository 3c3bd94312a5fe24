"""What `./dev` needs beyond a shell: test suites, an engine and a service to test against. Not part of the product."""
