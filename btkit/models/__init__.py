"""Trained models: what a bundle holds, and what it says of each bar."""
