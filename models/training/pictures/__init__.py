"""Drawn and real pictures: collecting, labels, cameras, batches."""
