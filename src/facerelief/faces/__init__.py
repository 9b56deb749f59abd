"""Photos, the faces in them, and the aligned crops that the networks see."""
