DEPRECATED_IN_3X_INPUT = "\n\nDEPRECATED: do not use it in new code."
