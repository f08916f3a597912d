"""Labels from the tools people use: any export in, one record per sentence out."""
