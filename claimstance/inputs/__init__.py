"""From what a user names (files, folders, archives) to documents, one at a time.

`discover` finds the files, `containers` looks into archives, `address` opens what lies in them,
`formats` cuts row files into documents, `readers` turns a work unit's bytes into documents.
"""
