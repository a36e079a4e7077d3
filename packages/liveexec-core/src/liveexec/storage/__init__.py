"""Where everything is kept: PostgreSQL through asyncpg, its twin in memory, and the server that comes along."""
