"""The command line: `claimstance`."""
