"""`python -m facerelief`."""

from facerelief.cli import main

if __name__ == "__main__":
    main()
