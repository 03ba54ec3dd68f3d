"""torch.fx in, torch.fx out: the parts of `unfoldify.transform`."""
