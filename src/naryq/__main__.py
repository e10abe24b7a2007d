"""Run the command line as `python -m naryq`."""

from naryq.cli import main

if __name__ == "__main__":
    main(prog_name="naryq")
