"""Side-by-side runs of the main job against what a user would pick instead, and their goals."""
