"""What to label next: the sentences of an archive whose labels would teach most."""
