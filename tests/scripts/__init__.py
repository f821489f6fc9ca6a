"""The scripts that keep translations and measured numbers."""
