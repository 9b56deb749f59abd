"""What a picture tells of its being edited: XMP, C2PA manifests and the watermark in its pixels."""
