"""The package `pipeline.emulator`, held against what AWS documents."""
