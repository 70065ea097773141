"""The panel of EchoODETraining."""
