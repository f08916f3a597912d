"""How a model version is made, compared and promoted; never installed, never served."""
