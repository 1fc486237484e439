"""The routes that objects take, and the pushes at their end."""
