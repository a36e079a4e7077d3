"""The command line: ``liveexec.cli.app`` names the commands, each is loaded when it runs."""
