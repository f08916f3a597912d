"""How predictions are delivered over HTTP: the BentoML service."""
