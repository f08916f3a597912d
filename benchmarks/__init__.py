"""Claimstance beside what a user would pick instead: the same work, in one run, on one machine."""
