"""The nouns: frozen values without input or output; they import the standard library only."""
