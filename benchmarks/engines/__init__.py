"""Which engine the core keeps: the same weights and sentences through every candidate.

`sentences` gives the text, `graphs` writes the candidates' files, `quantise` the int8 ones,
`candidates` names and opens them, `batches` cuts sentences into batches; `labels` measures what a
candidate does to the labels, `speed` how fast it is, `report` writes ENGINES.md.
"""
