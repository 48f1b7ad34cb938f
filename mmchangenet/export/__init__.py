"""From a trained network to graphs and to the folder that a line scores with. Knows nothing of mmdeploy."""
