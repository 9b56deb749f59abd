"""Which samples are good enough to train on, shown and overruled by a person."""
