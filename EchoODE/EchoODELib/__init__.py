"""EchoODE: echocardiography segmentation, registration and measurement."""

__version__ = "0.1.0"
