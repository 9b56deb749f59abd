"""Records of an edit in a picture: XMP, C2PA manifest, watermark."""
