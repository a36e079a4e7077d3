-- Everything that v0002_upgrade.sql made, last first.

DROP TABLE listings;
