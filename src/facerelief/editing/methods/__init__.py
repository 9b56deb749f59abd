"""The methods that edit a face: the morphable face, and networks by backbone."""
