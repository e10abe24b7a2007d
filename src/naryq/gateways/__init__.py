"""The doors of the venue: each turns what comes over the network into commands, and answers into what is read there."""
