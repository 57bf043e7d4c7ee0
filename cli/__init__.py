"""The command line `prefloop`: thin commands over the library and the stages."""
