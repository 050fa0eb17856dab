"""The command ``python -m data_prep.lesions``; the lesions are in phantom/lesions.py."""
