"""The networks of the systems that the paper names or compares itself to, one file a system.

`training.methods` trains them. Modules are made in the authors' order, so that
`parameters()` lists the same tensors.
"""
