"""A scored archive as one page that people would rather look at than the table.

`figures` asks the table, `prevalence` corrects shares for the classifier's errors, `charts` draws,
`page` puts it together.
"""
