"""The package `pipeline.local_cloud`, held against what AWS documents."""
