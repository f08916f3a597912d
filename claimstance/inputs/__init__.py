"""From what a user names (files, folders, archives) to documents, one at a time.

`discover` finds the files, `containers` looks into archives, `address` opens what lies in them,
`rows` and `parquet` cut row files into rows, `table` tells what their columns mean, and `readers`
turns a work unit's bytes into documents.
"""
