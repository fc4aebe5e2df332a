"""Sample patients and control pictures of the application."""
