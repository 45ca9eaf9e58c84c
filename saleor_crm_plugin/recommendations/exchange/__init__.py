"""Training data out as Parquet files, and what another engine learnt from them in. Files and arrays only: no database.

The formats are described in docs/how-to/train-elsewhere.md.
"""
