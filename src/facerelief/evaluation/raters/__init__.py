"""People or models that rate pictures without knowing which are edited: what they are shown, and what they say."""
