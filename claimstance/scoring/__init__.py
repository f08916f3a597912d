"""Scoring an archive: planned once, done unit by unit, resumed after anything.

`plan` cuts inputs into work units, `job` is the folder with what was asked and what is done,
`unit` scores one unit, `shard` writes it; `local` and `ray_engine` run units. docs/scoring.md is
the contract.
"""
