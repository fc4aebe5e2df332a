"""What the checkpoint can and cannot do, measured."""
