"""How fast the estimators train and predict, beside other ways to do the same work."""
