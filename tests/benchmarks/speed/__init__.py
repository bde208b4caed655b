"""Speed of training and prediction compared with other implementations of the same work."""
