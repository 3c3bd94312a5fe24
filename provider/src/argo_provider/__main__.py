"""`python -m argo_provider` is the command `argofn`."""

from argo_provider.cli.main import main

if __name__ == "__main__":
    main()
