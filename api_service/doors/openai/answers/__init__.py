"""What is answered: pictures, at once or as events, and refusals."""
