"""The stages of training and what they look at on the way."""
