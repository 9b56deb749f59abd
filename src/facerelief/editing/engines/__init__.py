"""What runs a generator: PyTorch, ONNX Runtime or OpenVINO, checked against each other."""
