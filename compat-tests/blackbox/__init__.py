"""What the compatibility tests share: an HTTP client, sample functions and their archives. Knows no implementation."""
