"""How functions become native on this machine: builder, driver, and an adapter a family of languages."""
