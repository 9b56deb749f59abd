"""Datasets as WebDataset shards, by path or URL: built on one machine or a cluster, converted to a folder and back."""
