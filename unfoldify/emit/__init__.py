"""What the emitted file is made of: formatted statements, declarations of layers, constants."""
