"""The command line of data_prep: flags in, exit codes out."""
