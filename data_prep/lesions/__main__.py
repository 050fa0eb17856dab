"""Simulated lesions in given heads."""

from data_prep.phantom.lesions import main

raise SystemExit(main())
