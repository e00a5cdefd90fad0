"""The command that trains a DCGAN, in one process or in many: `python -m gan_helpers.dcgan --help`."""
