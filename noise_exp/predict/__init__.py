"""What a trained network takes the user's own images for: `python -m noise_exp.predict`."""
