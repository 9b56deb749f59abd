"""Videos and morphs: read, followed, edited and written frame by frame."""
