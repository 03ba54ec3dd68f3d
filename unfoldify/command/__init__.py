"""The command's work: arguments checked, progress shown, files written, what was done said."""
