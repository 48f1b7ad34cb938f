"""Generated boards: images of components that nobody has to photograph, to try and to measure on."""
