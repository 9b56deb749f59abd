"""Dense facial geometry: meshes, their rasterisation, and the depth and normal maps made from them."""
