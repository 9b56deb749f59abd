"""Networks, features and their files."""
