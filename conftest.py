"""Every test session of this repository, whichever tests it is about, is watched for secrets in what it puts out."""

pytest_plugins = ["support.canary_watch"]
