"""Bridge from the Visual ChangeNet toolkit: its checkpoints and specs."""
