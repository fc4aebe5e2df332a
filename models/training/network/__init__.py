"""The model as it is trained and as it is exported, its optimizer."""
